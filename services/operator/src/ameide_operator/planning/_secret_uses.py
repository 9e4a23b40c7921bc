"""Which Secrets a resource names, what for, and which keys they must have."""

from collections.abc import Iterator
from dataclasses import dataclass

from ameide_operator.models import Output, ProcessSpec, Subscription, Workload
from ameide_operator.planning._names import Component

CERTIFICATE, PRIVATE_KEY, AUTHORITY = "tls.crt", "tls.key", "ca.crt"
"""Keys of a Secret of type kubernetes.io/tls, and the authority that cert-manager puts beside them."""

PASSWORD = "password"  # noqa: S105 # a key's name
TOKEN = "token"  # noqa: S105 # a key's name
CREDS, NKEY_SEED = "user.creds", "user.nk"
"""Keys for a user of NATS, named as the files that its tools write."""

PROOFS = {"Creds": CREDS, "NKey": NKEY_SEED, "Token": TOKEN, "Password": PASSWORD}
"""By method of credentials of NATS, the key that proves who we are."""

API_KEY = "api-key"
BOTH = frozenset(Component)


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One place of spec that names a Secret."""

    secret: str
    field: str
    """The place, such as spec.temporal.tls.secretRef."""
    keys: tuple[str, ...]
    """Keys that it must have."""
    components: frozenset[Component]
    """Workloads whose pods need it; none: the operator alone."""
    temporal: bool = False
    """Whether the connection to Temporal needs it."""
    mounted: bool = True
    """Whether pods see it as files; otherwise as variables."""


def secret_uses(spec: ProcessSpec) -> tuple[SecretUse, ...]:
    """Every use of a Secret, in the order of spec."""
    return tuple(_uses(spec))


def _uses(spec: ProcessSpec) -> Iterator[SecretUse]:
    components = BOTH if spec.ingress else frozenset({Component.WORKER})
    tls = spec.temporal.tls
    if tls and tls.secret_ref:
        keys = (CERTIFICATE, PRIVATE_KEY) if tls.mode == "mTLS" else (AUTHORITY,)
        yield SecretUse(tls.secret_ref, "spec.temporal.tls.secretRef", keys, components, temporal=True)
    api_key = spec.temporal.api_key_secret_ref
    if api_key:
        place = "spec.temporal.apiKeySecretRef"
        yield SecretUse(api_key.name, place, (api_key.key,), components, temporal=True, mounted=False)
    admin = spec.temporal.namespace_management.admin_secret_ref
    if admin:
        place = "spec.temporal.namespaceManagement.adminSecretRef"
        keys = (CERTIFICATE, PRIVATE_KEY) if tls and tls.mode == "mTLS" else (API_KEY,)
        yield SecretUse(admin, place, keys, frozenset(), temporal=True)
    yield from _environment(spec.worker, Component.WORKER)
    if spec.ingress:
        yield from _environment(spec.ingress, Component.INGRESS)
        for subscription in spec.ingress.subscriptions:
            place = f"spec.ingress.subscriptions[{subscription.name}].authSecretRef"
            if subscription.kind == "http":
                yield from _endpoint(subscription, place)
            else:
                yield from _stream(subscription, place, frozenset({Component.INGRESS}))
    for output in spec.outputs:
        yield from _stream(output, f"spec.outputs[{output.name}].authSecretRef", components)


def _stream(stream: Output | Subscription, field: str, components: frozenset[Component]) -> Iterator[SecretUse]:
    if not stream.auth_secret_ref:
        return
    keys: tuple[str, ...] = (CERTIFICATE, PRIVATE_KEY) if stream.tls and stream.tls.mode == "mTLS" else ()
    if stream.sasl:
        keys += (PASSWORD,)
    if stream.nats and stream.nats.credentials:
        keys += (PROOFS[stream.nats.credentials.method],)
    yield SecretUse(stream.auth_secret_ref, field, keys, components)


def _endpoint(subscription: Subscription, field: str) -> Iterator[SecretUse]:
    if not subscription.auth_secret_ref:
        return
    keys: tuple[str, ...] = ()
    if subscription.http and subscription.http.bearer_token:
        keys += (TOKEN,)
    if subscription.tls:
        keys += (CERTIFICATE, PRIVATE_KEY)
        keys += (AUTHORITY,) if subscription.tls.mode == "mTLS" else ()
    yield SecretUse(subscription.auth_secret_ref, field, keys, frozenset({Component.INGRESS}))


def _environment(workload: Workload, component: Component) -> Iterator[SecretUse]:
    for variable in (workload.pod_template and workload.pod_template.env) or ():
        reference = variable.value_from and variable.value_from.secret_key_ref
        if reference:
            place = f"spec.{component.value}.podTemplate.env[{variable.name}]"
            yield SecretUse(reference.name, place, (reference.key,), frozenset({component}), mounted=False)

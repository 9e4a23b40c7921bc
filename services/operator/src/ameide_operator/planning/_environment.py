"""Environment variables of the programs: the narrow waist between operator and runtime."""

from typing import Any, Final

from ameide_operator.models import Concurrency, ProcessSpec, Workload
from ameide_operator.planning._bindings import CONFIG_FOLDER, INGRESS_FILE, OUTPUTS_FILE, SecretKeys, secret_file
from ameide_operator.planning._builds import Build, deployment_name
from ameide_operator.planning._names import Component, Owner
from ameide_operator.planning._secret_uses import AUTHORITY, CERTIFICATE, PRIVATE_KEY

HTTP_PORT: Final = 8080
"""PORT_HTTP of every program."""

_CONCURRENCY_PREFIX: Final = "TEMPORAL_WORKER_"


def environment(
    spec: ProcessSpec, owner: Owner, component: Component, keys: SecretKeys, build: Build | None
) -> list[dict[str, Any]]:
    """Variables of a container, ours first, then those of its pod template."""
    workload: Workload = spec.worker if component is Component.WORKER or spec.ingress is None else spec.ingress
    ours = {
        "PROCESS_NAME": spec.process.name,
        "PROCESS_API_MAJOR": str(spec.process.api_major),
        "PORT_HTTP": str(HTTP_PORT),
        **_temporal(spec, keys),
        **_version(owner, build),
        "OUTPUT_CONFIG": f"{CONFIG_FOLDER}/{OUTPUTS_FILE}",
    }
    if component is Component.INGRESS:
        ours["INGRESS_CONFIG"] = f"{CONFIG_FOLDER}/{INGRESS_FILE}"
        if spec.ingress and spec.ingress.oldest_unacknowledged_seconds:
            ours["INGRESS_OLDEST_UNACKNOWLEDGED_SECONDS"] = str(spec.ingress.oldest_unacknowledged_seconds)
    elif spec.worker.concurrency:
        ours |= _concurrency(spec.worker.concurrency)
    variables: list[dict[str, Any]] = [{"name": name, "value": _literal(value)} for name, value in ours.items()]
    api_key = spec.temporal.api_key_secret_ref
    if api_key:
        reference = {"name": api_key.name, "key": api_key.key}
        variables.append({"name": "TEMPORAL_API_KEY", "valueFrom": {"secretKeyRef": reference}})
    theirs = (workload.pod_template and workload.pod_template.env) or ()
    return variables + [variable.model_dump(by_alias=True, exclude_none=True) for variable in theirs]


def _literal(value: str) -> str:
    """A value that reaches the container as it is: Kubernetes puts other variables in the place of $(NAME)."""
    return value.replace("$", "$$")


def _temporal(spec: ProcessSpec, keys: SecretKeys) -> dict[str, str]:
    temporal = spec.temporal
    variables = {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_NAMESPACE": temporal.namespace}
    if temporal.task_queue:
        variables["TEMPORAL_TASK_QUEUE"] = temporal.task_queue
    if temporal.tls is None:
        return variables
    variables["TEMPORAL_TLS"] = "true"
    secret = temporal.tls.secret_ref
    if secret and AUTHORITY in keys.get(secret, ()):
        variables["TEMPORAL_TLS_SERVER_CA_CERT_PATH"] = secret_file(secret, AUTHORITY)
    if secret and temporal.tls.mode == "mTLS":
        variables["TEMPORAL_TLS_CLIENT_CERT_PATH"] = secret_file(secret, CERTIFICATE)
        variables["TEMPORAL_TLS_CLIENT_KEY_PATH"] = secret_file(secret, PRIVATE_KEY)
    if temporal.tls.server_name:
        variables["TEMPORAL_TLS_SERVER_NAME"] = temporal.tls.server_name
    return variables


def _version(owner: Owner, build: Build | None) -> dict[str, str]:
    if build is None:
        return {}
    return {"TEMPORAL_DEPLOYMENT_NAME": deployment_name(owner), "TEMPORAL_WORKER_BUILD_ID": build.build_id}


def _concurrency(concurrency: Concurrency) -> dict[str, str]:
    """One variable an option, named after it."""
    return {
        f"{_CONCURRENCY_PREFIX}{name.upper()}": f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in concurrency.model_dump(exclude_none=True).items()
    }

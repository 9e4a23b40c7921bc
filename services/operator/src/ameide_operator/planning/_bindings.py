"""The files that bind a process to its streams, as the programs read them: INGRESS_CONFIG and OUTPUT_CONFIG."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import yaml

from ameide_operator.models import DEAD_LETTER, HttpEndpoint, Ingress, Nats, Output, Subscription
from ameide_operator.planning._secret_uses import AUTHORITY, CERTIFICATE, PASSWORD, PRIVATE_KEY, PROOFS, TOKEN

CONFIG_FOLDER: Final = "/etc/ameide/config"
SECRETS_FOLDER: Final = "/etc/ameide/secrets"
INGRESS_FILE: Final = "ingress.yaml"
OUTPUTS_FILE: Final = "outputs.yaml"

_PROOF_FILES: Final = {
    "Creds": "credsFile",
    "NKey": "nkeySeedFile",
    "Token": "tokenFile",
    "Password": "passwordFile",
}
"""Settings of the programs, by method of credentials of NATS."""

SecretKeys = Mapping[str, AbstractSet[str]]
"""Keys of each Secret that is there."""


def secret_file(secret: str, key: str) -> str:
    """Path of a mounted key."""
    return f"{SECRETS_FOLDER}/{secret}/{key}"


def ingress_document(ingress: Ingress, keys: SecretKeys) -> str:
    """Content of INGRESS_CONFIG."""
    return _dumped(
        {
            each.name: _endpoint(each) if each.kind == "http" else _subscription(each, keys)
            for each in ingress.subscriptions
        }
    )


def outputs_document(outputs: list[Output], keys: SecretKeys) -> str:
    """Content of OUTPUT_CONFIG."""
    return _dumped({each.name: _connection(each, keys) for each in outputs})


def _subscription(subscription: Subscription, keys: SecretKeys) -> dict[str, Any]:
    settings = _connection(subscription, keys) | {
        "deadLetter": subscription.dead_letter or DEAD_LETTER,
        "format": subscription.format,
        "startFrom": subscription.start_from,
    }
    if subscription.consumer_group:
        settings["consumerGroup"] = subscription.consumer_group
    return settings


def _endpoint(subscription: Subscription) -> dict[str, Any]:
    http, secret = subscription.http or HttpEndpoint(), subscription.auth_secret_ref
    settings: dict[str, Any] = {"kind": "http", "format": subscription.format}
    settings |= http.model_dump(by_alias=True, exclude_none=True, exclude={"bearer_token"})
    if subscription.dead_letter:
        settings["deadLetter"] = subscription.dead_letter
    if secret and http.bearer_token:
        settings["bearerTokenFile"] = secret_file(secret, TOKEN)
    if secret and subscription.tls:
        tls = {"certFile": secret_file(secret, CERTIFICATE), "keyFile": secret_file(secret, PRIVATE_KEY)}
        if subscription.tls.mode == "mTLS":
            tls["clientCaFile"] = secret_file(secret, AUTHORITY)
        settings["tls"] = tls
    return settings


def _connection(stream: Output | Subscription, keys: SecretKeys) -> dict[str, Any]:
    secret = stream.auth_secret_ref
    settings: dict[str, Any] = {"kind": stream.kind}
    if stream.nats:
        settings |= _nats(stream.nats, secret)
    else:
        settings |= {"bootstrapServers": list(stream.bootstrap_servers or ()), "topic": stream.topic}
    if stream.tls:
        tls: dict[str, str] = {}
        if secret and AUTHORITY in keys.get(secret, ()):
            tls["caFile"] = secret_file(secret, AUTHORITY)
        if secret and stream.tls.mode == "mTLS":
            tls |= {"certFile": secret_file(secret, CERTIFICATE), "keyFile": secret_file(secret, PRIVATE_KEY)}
        settings["tls"] = tls
    if stream.sasl and secret:
        settings["sasl"] = {
            "mechanism": stream.sasl.mechanism,
            "username": stream.sasl.username,
            "passwordFile": secret_file(secret, PASSWORD),
        }
    return settings


def _nats(nats: Nats, secret: str | None) -> dict[str, Any]:
    settings = nats.model_dump(by_alias=True, exclude_none=True, exclude={"credentials"})
    if nats.credentials and secret:
        method = nats.credentials.method
        credentials = {_PROOF_FILES[method]: secret_file(secret, PROOFS[method])}
        if nats.credentials.username:
            credentials["username"] = nats.credentials.username
        settings["credentials"] = credentials
    return settings


def _dumped(document: dict[str, Any]) -> str:
    # libyaml's, in every wheel of PyYAML: the other takes a tenth of a pass.
    return yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True, width=120)

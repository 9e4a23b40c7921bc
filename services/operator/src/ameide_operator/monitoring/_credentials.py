"""Credentials for one dial: read from Secrets when needed, not kept."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from temporalio.service import TLSConfig

from ameide_operator.monitoring._credential_places import (
    ADMIN_FIELD,
    API_KEY_FIELD,
    TLS_FIELD,
    CredentialPlaces,
    SecretPlace,
)
from ameide_operator.monitoring._target import SecretVersion, TemporalTarget
from ameide_operator.planning import API_KEY, AUTHORITY, CERTIFICATE, PRIVATE_KEY

SecretContent = Mapping[str, bytes]
ReadSecret = Callable[[str, str], Awaitable[SecretContent | None]]
"""Content of a Secret by namespace and name; None where there is none."""


class UnusableCredentialsError(Exception):
    """A Secret holds what cannot be sent; the message says where, and what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows, and whom it trusts."""

    tls: bool
    authority: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None
    api_key: str | None = field(default=None, repr=False)
    places: CredentialPlaces = field(default_factory=CredentialPlaces)
    """Where all that comes from."""

    def tls_config(self) -> bool | TLSConfig:
        """The same as Temporal's SDK takes it."""
        if not self.tls:
            return False
        return TLSConfig(
            server_root_ca_cert=self.authority,
            domain=self.server_name,
            client_cert=self.certificate,
            client_private_key=self.key,
        )


async def read_credentials(target: TemporalTarget, read_secret: ReadSecret) -> Credentials:
    """Credentials of the process itself.

    Raises:
        UnusableCredentialsError: The API key is no text that can be sent.
    """
    content = await _content(target, target.certificate, read_secret)
    keys = await _content(target, target.api_key, read_secret)
    tls_place = _place(target.certificate, TLS_FIELD)
    key_place = _place(target.api_key, API_KEY_FIELD)
    pair = (content.get(CERTIFICATE), content.get(PRIVATE_KEY)) if target.shows_certificate else (None, None)
    api_key = _api_key(keys, target.api_key_name, key_place)
    return Credentials(
        tls=target.tls,
        authority=content.get(AUTHORITY),
        certificate=pair[0],
        key=pair[1],
        server_name=target.server_name,
        api_key=api_key,
        places=CredentialPlaces(
            authority=tls_place,
            has_authority=AUTHORITY in content,
            pair=tls_place if target.shows_certificate else None,
            has_pair=all(pair),
            api_key=key_place,
            api_key_name=target.api_key_name,
            has_api_key=api_key is not None,
        ),
    )


async def read_admin_credentials(target: TemporalTarget, read_secret: ReadSecret) -> Credentials:
    """Credentials that may manage namespaces; the process's own where no others are named.

    Raises:
        UnusableCredentialsError: The API key is no text that can be sent.
    """
    own = await read_credentials(target, read_secret)
    place = _place(target.admin, ADMIN_FIELD)
    if place is None:
        return own
    content = await _content(target, target.admin, read_secret)
    authority = content.get(AUTHORITY)
    api_key = _api_key(content, API_KEY, place)
    return Credentials(
        tls=target.tls,
        authority=authority or own.authority,
        certificate=content.get(CERTIFICATE),
        key=content.get(PRIVATE_KEY),
        server_name=target.server_name,
        api_key=api_key,
        places=CredentialPlaces(
            authority=place if authority else own.places.authority,
            has_authority=bool(authority) or own.places.has_authority,
            pair=place,
            has_pair=CERTIFICATE in content and PRIVATE_KEY in content,
            api_key=place,
            has_api_key=api_key is not None,
        ),
    )


def _place(secret: SecretVersion | None, field: str) -> SecretPlace | None:
    return SecretPlace(secret.name, field) if secret else None


async def _content(target: TemporalTarget, secret: SecretVersion | None, read_secret: ReadSecret) -> SecretContent:
    return (await read_secret(target.kubernetes_namespace, secret.name) if secret else None) or {}


def _api_key(content: SecretContent, name: str, place: SecretPlace | None) -> str | None:
    """The API key; the SDK leaves one out, without a word, that does not fit into a header."""
    value = content.get(name)
    if not value:
        return None
    text = value.decode(errors="replace").strip()
    if not text or not text.isascii() or not text.isprintable():
        problem = "is blank" if not text else "is no line of printable ASCII, as an API key is"
        raise UnusableCredentialsError(f"key {name!r} of {place} {problem}; store the API key there as it was issued")
    return text

"""Credentials for one dial: read from Secrets when needed, not kept."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from temporalio.service import TLSConfig

from ameide_operator.monitoring._target import TemporalTarget
from ameide_operator.planning import API_KEY, AUTHORITY, CERTIFICATE, PRIVATE_KEY

SecretContent = Mapping[str, bytes]
ReadSecret = Callable[[str, str], Awaitable[SecretContent | None]]
"""Content of a Secret by namespace and name; None where there is none."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows, and whom it trusts."""

    tls: bool
    authority: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    server_name: str | None = None
    api_key: str | None = field(default=None, repr=False)

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
    """Credentials of the process itself."""
    content = await _content(target, target.certificate.name if target.certificate else None, read_secret)
    key = await _content(target, target.api_key.name if target.api_key else None, read_secret)
    return Credentials(
        tls=target.tls,
        authority=content.get(AUTHORITY),
        certificate=content.get(CERTIFICATE) if target.shows_certificate else None,
        key=content.get(PRIVATE_KEY) if target.shows_certificate else None,
        server_name=target.server_name,
        api_key=_text(key.get(target.api_key_name)),
    )


async def read_admin_credentials(target: TemporalTarget, read_secret: ReadSecret) -> Credentials:
    """Credentials that may manage namespaces; the process's own where no others are named."""
    own = await read_credentials(target, read_secret)
    if target.admin is None:
        return own
    content = await _content(target, target.admin.name, read_secret)
    return Credentials(
        tls=target.tls,
        authority=content.get(AUTHORITY) or own.authority,
        certificate=content.get(CERTIFICATE),
        key=content.get(PRIVATE_KEY),
        server_name=target.server_name,
        api_key=_text(content.get(API_KEY)),
    )


async def _content(target: TemporalTarget, name: str | None, read_secret: ReadSecret) -> SecretContent:
    return (await read_secret(target.kubernetes_namespace, name) if name else None) or {}


def _text(value: bytes | None) -> str | None:
    return value.decode().strip() if value else None

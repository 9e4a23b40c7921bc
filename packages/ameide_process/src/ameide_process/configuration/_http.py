"""Where events arrive by HTTP, and what bounds a client."""

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ameide_process.configuration._documents import Document

DEFAULT_EVENTS_PORT = 8090
"""Beside PORT_HTTP, so that events can be exposed without metrics and readiness."""

_Path = Annotated[str, Field(min_length=1, max_length=512, pattern=r"^/[A-Za-z0-9._~/-]*$")]
_Seconds = Annotated[float, Field(ge=0.1, le=300)]


class HttpTls(Document):
    """TLS towards clients; every certificate and key by file, read again when it changes."""

    cert_file: Path
    """Certificate that clients see, with its chain."""
    key_file: Path
    """Its private key."""
    client_ca_file: Path | None = None
    """Authorities whose client certificates are taken; set: a client without one is refused."""

    def context(self) -> ssl.SSLContext:
        """Loads the certificates.

        Raises:
            OSError: One cannot be read, does not belong to its key, or is none; `ssl.SSLError` is one.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_ca_file)
        if self.client_ca_file is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(self.cert_file, self.key_file, password="")
        return context

    def files(self) -> dict[str, Path]:
        """Returns the files that must exist, by setting."""
        named = {"certFile": self.cert_file, "keyFile": self.key_file, "clientCaFile": self.client_ca_file}
        return {name: path for name, path in named.items() if path is not None}


class HttpListening(Document):
    """A port. What several subscriptions say of the same one must be equal."""

    port: Annotated[int, Field(ge=1, le=65535)] = DEFAULT_EVENTS_PORT
    """Where to listen, at HTTP_HOST."""
    tls: HttpTls | None = None
    """Absent: no TLS."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Open connections. For a further one the oldest that has sent no request yet is closed, or else the one that waits
    for its next request longest; where all are in work, the further one is answered 503 and closed."""
    headers_timeout_seconds: _Seconds = 30.0
    """Within so long of its beginning, or of the answer before, a connection must have sent the whole of the next
    request's headers; otherwise it is closed, whether it was idle or slow."""


class HttpSubscription(HttpListening):
    """How a subscription's events arrive by HTTP."""

    kind: Literal["http"]
    path: _Path | None = None
    """Path that events are posted to; `/events/<binding>` when unset."""
    format: Literal["protobuf", "json"] = "protobuf"
    """How an envelope is written when its request has no content type."""
    dead_letter: str | None = None
    """Entry of OUTPUT_CONFIG that takes what can never be handled, which is then answered 202: the ingress has taken
    charge of it. Unset, or the stream refuses it for its size: such an event is answered 4xx, and stays with its
    producer."""
    bearer_token_file: Path | None = None
    """Holds the tokens of which a client must send one, each on a line of its own; two while one replaces the other.
    Read again when it changes. Unset: whoever reaches the port may send events."""
    max_body_bytes: Annotated[int, Field(ge=1_024, le=64 * 1024 * 1024)] = 4 * 1024 * 1024
    """Body of one request, before and after decompression."""
    max_concurrent_requests: Annotated[int, Field(ge=1, le=10_000)] = 256
    """Requests that wait for Temporal at once; a further one is answered 429. As many others may be on their way for
    long: for a further one, the slowest is given up (408)."""
    body_timeout_seconds: _Seconds = 15.0
    """Within so long the whole body must arrive; otherwise 408."""
    acceptance_timeout_seconds: _Seconds = 15.0
    """Within so long Temporal must have taken the events; otherwise 503."""

    @model_validator(mode="after")
    def _path_is_none_of_ours(self) -> "HttpSubscription":
        if self.path is not None and "//" in self.path:
            raise ValueError("write the path without empty segments")
        return self

    def files(self) -> dict[str, Path]:
        """Returns the files that must exist, by setting."""
        named = {f"tls.{name}": path for name, path in self.tls.files().items()} if self.tls else {}
        if self.bearer_token_file:
            named["bearerTokenFile"] = self.bearer_token_file
        return named

    def path_of(self, binding: str) -> str:
        """Returns the path that events are posted to.

        Args:
            binding: The subscription's `binding_ref`.
        """
        return self.path or f"/events/{binding}"

    def listening(self) -> HttpListening:
        """Returns what the subscription says of its port."""
        return HttpListening.model_construct(**{name: getattr(self, name) for name in HttpListening.model_fields})


def port_conflicts(subscriptions: Iterable[tuple[str, HttpSubscription]], health_port: int) -> dict[str, str]:
    """Finds what cannot listen beside each other.

    Args:
        subscriptions: Bindings and their settings.
        health_port: PORT_HTTP.

    Returns:
        Advice, by the setting that is wrong: `<binding>.<setting>`.
    """
    conflicts: dict[str, str] = {}
    first_by_port: dict[int, tuple[str, HttpListening]] = {}
    taken: dict[tuple[int, str], str] = {}
    for binding, settings in subscriptions:
        if settings.port == health_port:
            conflicts[f"{binding}.port"] = f"PORT_HTTP is {health_port} too; give events a port of their own"
            continue
        first, listening = first_by_port.setdefault(settings.port, (binding, settings.listening()))
        if listening != settings.listening():
            conflicts[f"{binding}.port"] = (
                f"{first} listens on {settings.port} too; write the same tls, maxConnections and "
                "headersTimeoutSeconds for both, or give them different ports"
            )
            continue
        path = settings.path_of(binding)
        other = taken.setdefault((settings.port, path), binding)
        if other != binding:
            conflicts[f"{binding}.path"] = f"{other} has {path} on port {settings.port} too; give each its own"
    return conflicts

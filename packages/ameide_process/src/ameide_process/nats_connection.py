"""Connections to NATS: who we are, and in one sentence why there is none."""

import asyncio
import contextlib
import ssl
from typing import Any

import structlog
from nats.aio.client import Client
from nats.errors import (
    AuthorizationError,
    Error,
    SecureConnWantedError,
    StaleConnectionError,
)

from ameide_process.configuration import NatsConnection

CONNECT_TIMEOUT = 5
"""Seconds to connect to one server."""

PING_INTERVAL = 3
"""Seconds between two pings; a server that leaves two unanswered is left, within 9 s. The library's own are minutes."""

RECONNECT_WAIT = 0.5
"""Seconds between two tries of one server."""

_logger = structlog.get_logger(__name__)


class NatsConnectionError(Exception):
    """NATS cannot be reached, or refuses us; the text says why and what to check."""


class _Client(Client):
    """Never says who it is without TLS where that is asked for.

    The library speaks plain text, passwords included, to a server that does not ask for TLS, whatever its own settings
    say (read in its source, nats-py 2.16, and tried).
    """

    def _connect_command(self) -> bytes:
        if self.options.get("tls") and not self._server_info.get("tls_required"):
            raise SecureConnWantedError
        return super()._connect_command()


async def connect_nats(settings: NatsConnection, *, name: str) -> Client:
    """Connects; the client comes back by itself after the server was away, for as long as it lets us in.

    Args:
        settings: Servers, TLS and credentials.
        name: Of this program, as the server shows it.

    Raises:
        NatsConnectionError: No server lets us in.
    """
    client = _Client()
    errors: list[Exception] = []
    failed = asyncio.Event()

    async def note(error: Exception) -> None:
        if isinstance(error, StaleConnectionError):
            return
        errors.append(error)
        if len(errors) >= len(settings.servers):
            # Each was tried; the library would go on for ever, in silence.
            failed.set()
        _logger.debug("nats error", error=str(error) or type(error).__name__)

    connecting = asyncio.create_task(client.connect(error_cb=note, name=name, **_options(settings)))
    waiting = asyncio.create_task(failed.wait())
    try:
        await asyncio.wait((connecting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            await connecting
            return client
    except (OSError, Error, TimeoutError) as error:
        errors.append(error)
    finally:
        waiting.cancel()
        if not connecting.done():
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
    await close_nats(client)
    # What breaks afterwards says less than a refusal does.
    refusals = [
        each for each in errors if isinstance(each, (Error, ssl.SSLError)) and not isinstance(each, TimeoutError)
    ]
    error = (refusals or errors)[0]
    raise NatsConnectionError(_explain(error, settings)) from error


async def close_nats(client: Client) -> None:
    """Ends a connection; what the server says to that does not matter any more."""
    with contextlib.suppress(Error, OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await client.close()


def _options(settings: NatsConnection) -> dict[str, Any]:
    options: dict[str, Any] = {
        "servers": [f"nats://{each}" for each in settings.servers],
        "connect_timeout": CONNECT_TIMEOUT,
        "ping_interval": PING_INTERVAL,
        "max_outstanding_pings": 2,
        "reconnect_time_wait": RECONNECT_WAIT,
        "max_reconnect_attempts": -1,
    }
    if settings.tls is not None:
        options["tls"] = settings.tls.context()
    credentials = settings.credentials
    if credentials is not None:
        if credentials.creds_file is not None:
            options["user_credentials"] = str(credentials.creds_file)
        if credentials.nkey_seed_file is not None:
            options["nkeys_seed"] = str(credentials.nkey_seed_file)
        if (token := credentials.token_file) is not None:
            options["token"] = lambda: token.read_text(encoding="utf-8").rstrip("\r\n")
        if (password := credentials.password_file) is not None:
            options["user"] = lambda: credentials.username or ""
            options["password"] = lambda: password.read_text(encoding="utf-8").rstrip("\r\n")
    return options


def _explain(error: Exception, settings: NatsConnection) -> str:
    text = str(error) or type(error).__name__
    match error:
        case ssl.SSLCertVerificationError():
            said = f"its certificate is not trusted ({error.verify_message}); check tls.caFile and the server's name"
        case ssl.SSLError():
            said = f"TLS fails ({error.reason}); check tls"
        case SecureConnWantedError():
            said = "it speaks no TLS; leave tls out, or use the address where it does"
        case TimeoutError():
            said = "no answer in time; check servers, and that NATS runs there"
        case _ if isinstance(error, AuthorizationError) or "Authorization Violation" in text:
            said = (
                "it refuses our login; check credentials and its file"
                if settings.credentials
                else "it wants a login; set credentials"
            )
        case OSError():
            said = f"{text}; check servers, and that NATS runs there"
        case _:
            said = text
    return f"cannot reach nats at {','.join(settings.servers)}: {said}"

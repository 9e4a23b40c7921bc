import secrets
import ssl
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import NatsOperator, NatsServer, new_user_key
from nats.aio.client import Client
from nats.errors import Error
from nats.js import JetStreamContext

TOKEN = PASSWORD = secrets.token_hex()


async def connected(server: NatsServer, **options: Any) -> bool:
    client = Client()
    await client.connect(f"nats://{server.address}", allow_reconnect=False, connect_timeout=5, **options)
    await JetStreamContext(client).account_info()
    await client.close()
    return True


async def test_messages_survive_kill_and_restart():
    async with NatsServer() as server:
        address = server.address
        await server.create_stream("orders", ["orders.>"], max_age=60.0)
        async with server.client() as client:
            jetstream = JetStreamContext(client)
            await jetstream.publish("orders.1", b"one")
        await server.kill()
        await server.start()
        await server.restart()
        assert server.address == address
        async with server.client() as client:
            jetstream = JetStreamContext(client)
            info = await jetstream.stream_info("orders")
            assert (info.state.messages, info.config.max_age) == (1, 60.0)


async def test_users_with_passwords_or_keys_over_tls():
    public, seed = new_user_key()
    async with NatsServer(tls=True, users={"ingress": PASSWORD}, user_keys=[public]) as server:
        tls = ssl.create_default_context(cafile=server.authority.certificate)
        assert await connected(server, tls=tls, user="ingress", password=PASSWORD)
        assert await connected(server, tls=tls, nkeys_seed_str=seed)
        await server.create_stream("orders", ["orders.>"])
        with pytest.raises(Error, match="Authorization Violation"):
            await connected(server, tls=tls, user="ingress", password=PASSWORD[1:])


async def test_a_token():
    async with NatsServer(token=TOKEN) as server:
        assert await connected(server, token=TOKEN)
        with pytest.raises(Error, match="Authorization Violation"):
            await connected(server, token=TOKEN[1:])


async def test_credentials_that_an_operator_signed(tmp_path: Path):
    operator = NatsOperator()
    async with NatsServer(operator=operator) as server:
        credentials = operator.issue(tmp_path / "ingress.creds", "ingress")
        assert await connected(server, user_credentials=str(credentials))
        foreign = NatsOperator().issue(tmp_path / "foreign.creds", "ingress")
        with pytest.raises(Error, match="Authorization Violation"):
            await connected(server, user_credentials=str(foreign))
        await server.create_stream("orders", ["orders.>"])

"""Records on NATS streams, and what stands in the way."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import CertificateAuthority, NatsOperator, NatsServer, new_user_key
from ameide_process.configuration import NatsOutput
from ameide_process.outputs import (
    Output,
    OutputRecord,
    OutputTooLargeError,
    OutputUnavailableError,
    open_output,
)
from ameide_process.redrive._nats import NatsDeadLetters


def output(server: NatsServer, subject: str = "dead.orders", **settings: Any) -> Output:
    return open_output(
        "dead-letter",
        NatsOutput.model_validate({"kind": "nats", "servers": server.address, "subject": subject, **settings}),
    )


@pytest.fixture(scope="module")
async def nats() -> AsyncGenerator[NatsServer]:
    async with NatsServer(config={"max_payload": 4096}) as server:
        yield server


async def test_a_record_is_stored_whole_and_once(nats: NatsServer) -> None:
    await nats.create_stream("dead", ["dead.orders"])
    stream = output(nats)
    headers = [("a", b"plain"), ("b", "ä €".encode()), ("c", b"line\nbreak"), ("ce-subject", b'50% "off"')]
    await stream.look()
    for value in (b"\xff\x00", b"", b"other"):
        for _ in range(2):
            await stream.publish(OutputRecord(value, b"k", headers, id=f"id-{value!r}"))
    await stream.close()
    source = NatsDeadLetters(
        NatsOutput.model_validate({"kind": "nats", "servers": nats.address, "subject": "dead.orders"}), name="d"
    )
    await source.open()
    stored = [each.record async for batch in source.read() for each in batch]
    await source.close()
    assert [(each.value, each.key) for each in stored] == [(b"\xff\x00", b"k"), (b"", b"k"), (b"other", b"k")]
    assert source.records == 3
    read = dict(stored[0].headers)
    assert (read["a"], read["b"], read["ce-subject"]) == (b"plain", "ä €".encode(), b'50% "off"')
    # NATS cannot carry a line break.
    assert read["c"] == b"line%0Abreak"


async def test_what_a_producer_told_its_own_stream_is_kept_and_not_obeyed(nats: NatsServer) -> None:
    await nats.create_stream("other", ["other"])
    told = [("Nats-Expected-Stream", b"IN"), ("Nats-TTL", b"1s"), ("Nats-Rollup", b"all"), ("Nats-Msg-Id", b"1")]
    stream = output(nats, "other")
    for value in (b"1", b"2"):
        await stream.publish(OutputRecord(value, headers=told))
    await stream.publish(OutputRecord(b"3", headers=told, subject="other"))
    await stream.close()
    source = NatsDeadLetters(
        NatsOutput.model_validate({"kind": "nats", "servers": nats.address, "subject": "other"}), name="d"
    )
    await source.open()
    stored = [each.record async for batch in source.read() for each in batch]
    await source.close()
    assert [each.value for each in stored] == [b"1", b"2", b"3"]
    assert list(stored[0].headers) == [(f"%4E{name[1:]}", value) for name, value in told]


async def test_a_record_that_is_too_large_names_the_limit(nats: NatsServer) -> None:
    await nats.create_stream("small", ["small"], max_msg_size=100)
    with pytest.raises(OutputTooLargeError, match="raise max_payload of the NATS server to at least"):
        await output(nats, "small").publish(OutputRecord(b"x" * 5000))
    with pytest.raises(OutputTooLargeError, match="raise max_msg_size of the NATS stream that takes small"):
        await output(nats, "small").publish(OutputRecord(b"x" * 500))


async def test_without_a_stream_nothing_counts_as_written(nats: NatsServer) -> None:
    stream = output(nats, "nobody.listens")
    for attempt in (stream.look(), stream.publish(OutputRecord(b"x"))):
        with pytest.raises(OutputUnavailableError, match="no stream takes this subject; create one"):
            await attempt
    await stream.close()


async def test_who_is_let_in(tmp_path: Path) -> None:
    public, seed = new_user_key()
    paths = {name: tmp_path / name for name in ("password", "wrong", "seed", "token")}
    paths["password"].write_text("s3cret\n")
    paths["wrong"].write_text("other")
    paths["seed"].write_text(seed)
    async with NatsServer(tls=True, users={"u": "s3cret"}, user_keys=[public]) as server:
        await server.create_stream("dead", ["dead.orders"])
        tls = {"caFile": str(server.authority.certificate)}
        login = {"username": "u", "passwordFile": str(paths["password"])}
        for credentials in (login, {"nkeySeedFile": str(paths["seed"])}):
            stream = output(server, tls=tls, credentials=credentials)
            await stream.publish(OutputRecord(b"x"))
            await stream.close()
        foreign = {"caFile": str(CertificateAuthority(tmp_path / "pki").certificate)}
        refused: list[tuple[dict[str, Any], str]] = [
            ({"tls": tls, "credentials": {**login, "passwordFile": str(paths["wrong"])}}, "it refuses our login"),
            ({"tls": tls}, "it wants a login; set credentials"),
            ({"tls": foreign, "credentials": login}, "its certificate is not trusted"),
        ]
        for settings, said in refused:
            with pytest.raises(OutputUnavailableError, match=said) as caught:
                await output(server, **settings).look()
            assert "s3cret" not in json.dumps(str(caught.value))
    operator = NatsOperator()
    async with NatsServer(operator=operator) as server:
        await server.create_stream("dead", ["dead.orders"])
        creds = operator.issue(tmp_path / "ingress.creds", "ingress")
        stream = output(server, credentials={"credsFile": str(creds)})
        await stream.publish(OutputRecord(b"x"))
        await stream.close()


async def test_no_password_goes_to_a_server_without_tls(nats: NatsServer, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret")
    with pytest.raises(OutputUnavailableError, match="it speaks no TLS; leave tls out"):
        await output(nats, tls={}, credentials={"username": "u", "passwordFile": str(password)}).look()

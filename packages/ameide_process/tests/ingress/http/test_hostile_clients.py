"""Clients that are slow, broken or malicious: each is answered or cut off within a bound, and others are served."""

import asyncio
import contextlib
import json
import random
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import CertificateAuthority, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.ingress.http import _bodies

Placed = Callable[..., OrderFulfillmentEvent]
Posting = Any
"""Of `conftest`, which cannot be imported."""

HEAD = b"POST /events/orders-posted HTTP/1.1\r\nHost: x\r\nContent-Type: application/protobuf\r\n"


async def closed_by_peer(reader: asyncio.StreamReader) -> bytes:
    """Returns what came before the other side ended the connection."""
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


async def dribble(writer: asyncio.StreamWriter, sent: bytes) -> None:
    """Sends a byte every now and then, until the connection ends."""
    with contextlib.suppress(ConnectionError):
        for byte in sent:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.1)


async def test_headers_that_trickle_in_end_with_the_connection(posting: Posting, order_placed: Placed) -> None:
    async with posting({"headersTimeoutSeconds": 1}) as ingress:
        silent, trickling = await ingress.connect(), await ingress.connect()
        # A connection that was of use has no longer time than a new one.
        reused = await ingress.connect()
        body = order_placed("reused").SerializeToString()
        reused[1].write(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert (await reused[0].readline()).startswith(b"HTTP/1.1 202 ")
        tasks = [asyncio.create_task(dribble(writer, HEAD * 10)) for _, writer in (trickling, reused)]
        async with asyncio.timeout(15):
            for reader, _ in (silent, trickling):
                answer = await closed_by_peer(reader)
                assert answer.startswith(b"HTTP/1.1 408 ")
                assert b'"reason": "headers-timeout"' in answer
                assert b"Retry-After: 1" in answer
            # What was kept alive ends as such connections do.
            assert b"HTTP" not in await closed_by_peer(reused[0])
        for task in tasks:
            task.cancel()
        for _, writer in (silent, trickling, reused):
            writer.close()
        assert (await ingress.post_protobuf(order_placed("beside-slow"))).status == 202


async def test_a_body_that_trickles_in_is_given_up(posting: Posting, order_placed: Placed) -> None:
    async with posting({"bodyTimeoutSeconds": 1}) as ingress:
        for framing, body in (
            (b"Content-Length: 1000\r\n\r\n", b"x" * 500),
            (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 100),
        ):
            reader, writer = await ingress.connect()
            writer.write(HEAD + framing)
            task = asyncio.create_task(dribble(writer, body))
            async with asyncio.timeout(15):
                answer = await closed_by_peer(reader)
            task.cancel()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 408 "), answer
            assert b"did not arrive within 1 seconds" in answer
            assert b"Retry-After: 1" in answer
        assert (await ingress.post_protobuf(order_placed("beside-trickle"))).status == 202


async def test_connections_are_bounded_and_make_room_again(posting: Posting, order_placed: Placed) -> None:
    async with posting({"maxConnections": 5, "bodyTimeoutSeconds": 60}) as ingress:
        assert await ingress.check("port:" + str(ingress.port)) == (True, "")
        # A request that is read holds its connection.
        held = [await ingress.connect() for _ in range(5)]
        for _, writer in held:
            writer.write(HEAD + b"Content-Length: 100\r\n\r\n12345")
        serving = f'ameide_ingress_http_connections{{port="{ingress.port}",state="serving"}}'

        async def all_serving() -> bool:
            return await ingress.metric(serving) == 5

        await wait_until(all_serving)
        answer = await ingress.post_protobuf(order_placed("no-room"))
        assert (answer.status, answer.document["reason"]) == (503, "port-full")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"] == "1"
        assert (
            await ingress.metric(f'ameide_ingress_http_turned_away_total{{port="{ingress.port}",reason="port-full"')
            == 1
        )
        await ingress.until_check(f"port:{ingress.port}", "all 5 connections are in work")
        for _, writer in held:
            writer.close()

        async def served() -> bool:
            # The client's own pool holds no connection yet, so this needs a new one.
            return (await ingress.post_protobuf(order_placed("room"))).status == 202

        await wait_until(served, timeout_s=15)
        # It is said no longer than it is true and some seconds.
        await ingress.until_ready()


async def test_connections_without_a_request_make_room_for_others(posting: Posting, order_placed: Placed) -> None:
    async with posting({"maxConnections": 5}) as ingress:
        silent = [await ingress.connect() for _ in range(5)]

        async def served() -> bool:
            answer = await ingress.post_protobuf(order_placed("beside-silent"))
            return answer.status == 202

        await wait_until(served)
        # The oldest is told why, and the others wait on.
        async with asyncio.timeout(10):
            answer = await closed_by_peer(silent[0][0])
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"reason": "port-full"' in answer
        assert b"Retry-After: 1" in answer
        ok, said = await ingress.check(f"port:{ingress.port}")
        assert ok
        assert "those that send no request make room" in said
        for _, writer in silent:
            writer.close()


async def test_who_is_not_let_in_holds_nothing(
    posting: Posting, order_placed: Placed, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = tmp_path / "token"
    tokens.write_text("valid")
    ended = asyncio.Event()
    async with posting({"maxConnections": 10, "bearerTokenFile": str(tokens)}) as ingress:
        refused: list[bytes] = []
        kept: list[asyncio.StreamWriter] = []

        async def hammer() -> None:
            while not ended.is_set():
                with contextlib.suppress(ConnectionError):
                    reader, writer = await ingress.connect()
                    # Never closed from here: an answer that its client ignores.
                    kept.append(writer)
                    writer.write(HEAD + b"Content-Length: 100000\r\n\r\nx")
                    refused.append(await reader.read(200))
                await asyncio.sleep(0.01)

        hammering = [asyncio.create_task(hammer()) for _ in range(5)]

        async def many() -> bool:
            return len(refused) > 50

        await wait_until(many)
        headers = {"authorization": "Bearer valid", "connection": "close"}
        for number in range(20):
            assert (await ingress.post_protobuf(order_placed(f"let-in-{number}"), headers)).status == 202
            await asyncio.sleep(0.1)
        ended.set()
        await asyncio.gather(*hammering)
        assert {answer.split(maxsplit=2)[1] for answer in refused} == {b"401"}
        assert await ingress.metric('ameide_ingress_http_requests_total{status="401"') > 50
        for writer in kept:
            writer.close()
    # A line a second, which tells of the others.
    logged = capsys.readouterr().out
    assert "unlogged_before" in logged
    assert logged.count("request refused") < len(refused) / 2


async def test_slow_bodies_take_nothing_from_those_that_are_here(posting: Posting, order_placed: Placed) -> None:
    limits = {"maxConcurrentRequests": 3, "bodyTimeoutSeconds": 60}
    async with posting(limits) as ingress:
        slow = [await ingress.connect() for _ in range(3)]
        for _, writer in slow:
            writer.write(HEAD + b"Content-Length: 10\r\n\r\n12345")
        reading = 'ameide_ingress_http_requests_in_work{stage="reading"'

        async def all_reading() -> bool:
            return await ingress.metric(reading) == 3

        await wait_until(all_reading)
        for number in range(5):
            assert (await ingress.post_protobuf(order_placed(f"beside-slow-{number}"))).status == 202

        # One more that is slow takes the place of the slowest.
        async def gave_way() -> bool:
            slow.append(await ingress.connect())
            slow[-1][1].write(HEAD + b"Content-Length: 10\r\n\r\n12345")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    answer = await slow[0][0].read(1000)
                    assert answer.startswith(b"HTTP/1.1 408 ")
                    assert b"others wanted the room" in answer
                    assert b"Retry-After: 1" in answer
                    return True
            return False

        await wait_until(gave_way)
        for _, writer in slow:
            writer.close()


async def test_slow_bodies_give_back_the_memory_that_others_need(
    posting: Posting, order_placed: Placed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bodies, "HELD_BYTES", 20_000)
    async with posting({"bodyTimeoutSeconds": 60}) as ingress:
        slow = [await ingress.connect() for _ in range(2)]
        for _, writer in slow:
            writer.write(HEAD + b"Content-Length: 10000\r\n\r\n" + b"x" * 9_900)

        async def held() -> bool:
            return await ingress.metric("ameide_ingress_http_body_bytes") == 19_800

        await wait_until(held)

        async def taken() -> bool:
            answer = await ingress.post_protobuf(order_placed("large", "e-" + "x" * 500))
            if answer.status != 202:
                assert (answer.status, answer.document["reason"]) == (429, "too-many-bytes")
            return answer.status == 202

        await wait_until(taken)
        async with asyncio.timeout(10):
            assert (await slow[0][0].readline()).startswith(b"HTTP/1.1 408 ")
        assert await ingress.metric("ameide_ingress_http_body_bytes") == 9_900
        for _, writer in slow:
            writer.close()


async def test_requests_that_wait_for_temporal_are_bounded(posting: Posting, order_placed: Placed) -> None:
    async with TemporalDevServer() as server, posting({"maxConcurrentRequests": 3}, server=server) as ingress:
        server.pause()
        try:
            waiting = [
                asyncio.create_task(ingress.post_protobuf(order_placed("wait", f"e-{number}"))) for number in range(3)
            ]

            async def all_waiting() -> bool:
                return await ingress.metric('ameide_ingress_http_requests_in_work{stage="waiting"') == 3

            await wait_until(all_waiting)
            answer = await ingress.post_protobuf(order_placed("wait", "fourth"))
        finally:
            server.resume()
        assert (answer.status, answer.document["reason"]) == (429, "too-many-requests")
        assert answer.headers["Retry-After"] == "1"
        ok, said = await ingress.check(f"port:{ingress.port}")
        assert ok
        assert "3 requests of orders-posted wait for Temporal" in said
        assert [each.status for each in await asyncio.gather(*waiting)] == [202] * 3
        assert (await ingress.post_protobuf(order_placed("wait", "fourth"))).status == 202


async def test_a_large_body_is_refused_before_it_is_read(posting: Posting, order_placed: Placed) -> None:
    async with posting({"maxBodyBytes": 10_000}) as ingress:
        # Nothing of the body was sent, and the answer is there.
        reader, writer = await ingress.connect()
        writer.write(HEAD + b"Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n")
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
        writer.close()

        # Without a length it is read up to the limit.
        async def parts() -> Any:
            for _ in range(1_000):
                yield b"x" * 10_000

        answer = await ingress.post(parts(), {"content-type": "application/protobuf"})
        assert (answer.status, answer.document["reason"]) == (413, "too-large")
        # One that may come is asked for.
        body = order_placed("continue").SerializeToString()
        reader, writer = await ingress.connect()
        writer.write(HEAD + f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        async with asyncio.timeout(10):
            assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
            await reader.readline()
            writer.write(body)
            assert (await reader.readline()).startswith(b"HTTP/1.1 202 ")
        writer.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),  # the beginning of a TLS handshake
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"400"),
        (HEAD + b"Content-Length: -1\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Content-Type: application/json\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", b"400"),
        (HEAD + b"Content-Length: 1\r\nExpect: something\r\n\r\nx", b"417"),
        (HEAD + b"ce-subject: " + b"x" * 10_000 + b"\r\nContent-Length: 0\r\n\r\n", b"400"),
        (HEAD + b"".join(b"ce-a%d: x\r\n" % number for number in range(200)) + b"Content-Length: 0\r\n\r\n", b"400"),
        (b"POST /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (HEAD + b"ce-id: a\r\n b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", b"400"),
    ],
)
async def test_a_malformed_request_is_answered_and_ended(posting: Posting, sent: bytes, status: bytes) -> None:
    async with posting() as ingress:
        answer = await ingress.send(sent)
        assert answer.split(maxsplit=2)[1] == status, answer
        assert b"Traceback" not in answer


async def test_a_body_that_is_cut_off_is_no_event(posting: Posting, order_placed: Placed) -> None:
    whole = order_placed("cut").SerializeToString()
    async with posting() as ingress:
        for framing, body in (
            (f"Content-Length: {len(whole)}\r\n\r\n".encode(), whole[:-1]),
            (b"Transfer-Encoding: chunked\r\n\r\n", f"{len(whole):x}\r\n".encode() + whole[:-1]),
            (b"Transfer-Encoding: chunked\r\n\r\n", f"{len(whole):x}\r\n".encode() + whole + b"\r\n"),
        ):
            answer = await ingress.send(HEAD + framing + body, finished=True)
            assert not answer.startswith(b"HTTP/1.1 202"), answer
        assert await ingress.metric('ameide_ingress_events_total{outcome="accepted"') == 0
        assert (await ingress.post_protobuf(order_placed("uncut"))).status == 202


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Authorization: Bearer s3cret\x00\r\n\r\n",
        HEAD + b"Authorization: Bearer s3cret" + b"x" * 9_000 + b"\r\n\r\n",
        HEAD + b"Authorization\x01: Bearer s3cret\r\n\r\n",
        b"POST /\r\nAuthorization s3cret\r\n\r\n",
        b"POST /?token=s3cret HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_a_malformed_request_holds_is_neither_logged_nor_repeated(
    posting: Posting, sent: bytes, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with posting() as ingress:
        answer = await ingress.send(sent)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.split(maxsplit=2)[1] == b"400"
        assert b"application/problem+json" in head
        assert json.loads(body)["reason"] == "malformed-request"
        turned_away = f'ameide_ingress_http_turned_away_total{{port="{ingress.port}",reason="malformed-request"'
        assert await ingress.metric(turned_away) == 1
    logged = caplog.text + capsys.readouterr().out
    assert "malformed-request" in logged
    assert b"s3cret" not in answer
    assert "s3cret" not in logged


async def test_random_requests_and_many_slow_ones_leave_it_standing(posting: Posting, order_placed: Placed) -> None:
    source = random.Random(7)  # noqa: S311 - the same bytes in every run
    async with posting({"headersTimeoutSeconds": 2, "bodyTimeoutSeconds": 1}) as ingress:

        async def bother(number: int) -> None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                match number % 3:
                    case 0:
                        await ingress.send(source.randbytes(source.randrange(2_000)), finished=True)
                    case 1:
                        await ingress.send(HEAD[: source.randrange(len(HEAD))])
                    case _:
                        body = source.randbytes(source.randrange(2_000))
                        head = HEAD + f"Content-Length: {len(body) + source.randrange(10)}\r\n\r\n".encode()
                        assert not (await ingress.send(head + body)).startswith(b"HTTP/1.1 202")

        bothering = asyncio.gather(*(bother(number) for number in range(300)))
        for number in range(20):
            assert (await ingress.post_protobuf(order_placed(f"through-{number}"))).status == 202
        await bothering
        assert await ingress.metric('ameide_ingress_http_requests_total{status="500"') == 0
        assert await ingress.metric('ameide_ingress_events_total{outcome="accepted"') == 20


async def test_over_tls_and_with_client_certificates(posting: Posting, order_placed: Placed, tmp_path: Any) -> None:
    authority, foreign = CertificateAuthority(tmp_path, "ours"), CertificateAuthority(tmp_path / "f", "theirs")
    server = authority.issue_server("server", hosts=["127.0.0.1"])
    mutual = {
        "certFile": str(server.certificate),
        "keyFile": str(server.key),
        "clientCaFile": str(authority.certificate),
    }

    def context(client: Any) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=authority.certificate)
        made.load_cert_chain(client.certificate, client.key)
        return made

    trusted, unknown = context(authority.issue_client("client")), context(foreign.issue_client("client"))
    async with posting({"tls": mutual}, tls=trusted) as ingress:
        assert (await ingress.post_protobuf(order_placed("tls"))).status == 202
        # With TLS 1.3 the client learns of it after the handshake, when it reads.
        reader, writer = await asyncio.open_connection("127.0.0.1", ingress.port, ssl=unknown)
        writer.write(HEAD + b"Content-Length: 0\r\n\r\n")
        assert await closed_by_peer(reader) == b""
        writer.close()
        # A renewed certificate is taken without a restart; one that does not load leaves the former in use.
        serial = (await presented(ingress.port, trusted))["serialNumber"]
        server.certificate.write_text("nonsense")
        await ingress.until_check("source:orders-posted", "changed and do not load")
        assert (await presented(ingress.port, trusted))["serialNumber"] == serial
        authority.issue_server("server", hosts=["127.0.0.1"])
        await ingress.until_ready()
        assert (await presented(ingress.port, trusted))["serialNumber"] != serial


async def test_over_tls_too_nobody_is_kept_out(posting: Posting, order_placed: Placed, tmp_path: Any) -> None:
    authority = CertificateAuthority(tmp_path, "ours")
    server = authority.issue_server("server", hosts=["127.0.0.1"])
    tokens = tmp_path / "token"
    tokens.write_text("valid")
    settings = {
        "maxConnections": 3,
        "bearerTokenFile": str(tokens),
        "tls": {"certFile": str(server.certificate), "keyFile": str(server.key)},
    }
    trusted = ssl.create_default_context(cafile=authority.certificate)
    async with posting(settings, tls=trusted) as ingress:
        # These never begin a handshake, and are held and counted all the same.
        kept = [(await asyncio.open_connection("127.0.0.1", ingress.port))[1] for _ in range(10)]
        held = f'ameide_ingress_http_connections{{port="{ingress.port}",state="new"'

        async def full() -> bool:
            return await ingress.metric(held) == 3

        await wait_until(full)
        for number in range(30):
            # Half of them are silent, half are refused and stay.
            reader, writer = await ingress.connect()
            kept.append(writer)
            if number % 2:
                writer.write(HEAD + b"Content-Length: 100000\r\n\r\nx")
                assert (await reader.readline()).split(maxsplit=2)[1] in {b"401", b"503"}

        async def served() -> bool:
            headers = {"authorization": "Bearer valid", "connection": "close"}
            answer = await ingress.post_protobuf(order_placed("over-tls"), headers)
            assert (answer.status, answer.document["reason"] if answer.text else "") in {(202, ""), (503, "port-full")}
            return answer.status == 202

        await wait_until(served)
        for writer in kept:
            writer.transport.abort()


async def presented(port: int, context: Any) -> dict[str, Any]:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return certificate

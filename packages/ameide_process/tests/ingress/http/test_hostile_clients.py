"""Clients that are slow, broken or malicious: each is answered or cut off within a bound, and others are served."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import CertificateAuthority, TemporalDevServer
from ameide_devstack.testing import wait_until

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
            for reader, _ in (silent, trickling, reused):
                assert b" 202 " not in await closed_by_peer(reader)
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
    limits = {"maxConnections": 20, "headersTimeoutSeconds": 2}
    async with posting(limits) as ingress:
        idle = [await ingress.connect() for _ in range(20)]
        refused = await ingress.send(b"")
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in refused

        async def served() -> bool:
            # The client's own pool holds no connection yet, so this needs a new one.
            return (await ingress.post_protobuf(order_placed("room"))).status == 202

        await wait_until(served, timeout_s=15)
        for _, writer in idle:
            writer.close()


async def test_requests_in_work_are_bounded(posting: Posting, order_placed: Placed) -> None:
    async with TemporalDevServer() as server, posting({"maxConcurrentRequests": 3}, server=server) as ingress:
        readers: list[asyncio.StreamReader] = []
        writers: list[asyncio.StreamWriter] = []
        for _ in range(3):
            reader, writer = await ingress.connect()
            writer.write(HEAD + b"Content-Length: 10\r\n\r\n12345")
            readers.append(reader)
            writers.append(writer)

        async def too_many() -> bool:
            answer = await ingress.post_protobuf(order_placed("fourth"))
            if answer.status == 429:
                assert answer.document["reason"] == "too-many-requests"
                assert answer.headers["Retry-After"] == "1"
            return answer.status == 429

        await wait_until(too_many)
        for writer in writers:
            writer.write(b"12345")
        for reader in readers:
            assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
        assert (await ingress.post_protobuf(order_placed("fourth"))).status == 202
        for writer in writers:
            writer.close()


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


async def test_what_a_malformed_request_holds_is_not_logged(posting: Posting, caplog: pytest.LogCaptureFixture) -> None:
    async with posting() as ingress:
        await ingress.send(HEAD + b"Authorization: Bearer s3cret\x00\r\n\r\n")
        await ingress.send(b"POST /\r\nAuthorization s3cret\r\n\r\n")
        assert "malformed request" in caplog.text
    assert "s3cret" not in caplog.text


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


async def presented(port: int, context: Any) -> dict[str, Any]:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    certificate = writer.get_extra_info("peercert")
    writer.close()
    return certificate

"""What a producer is told, and when: the whole ingress program between its requests and a real Temporal."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import EmbeddedKafka, NatsServer, TemporalDevServer
from ameide_devstack.testing import wait_until
from ameide_process.converter import DATA_CONVERTER
from cloudevents.core.bindings.http import HTTPMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf import json_format
from temporalio.client import Client, WorkflowExecutionStatus

Placed = Callable[..., OrderFulfillmentEvent]
Receivers = Callable[[Client], AbstractAsyncContextManager[None]]
ReceivedBy = Callable[[Client, str], Awaitable[list[str]]]
Posting = Any
"""Of `conftest`, which cannot be imported: its fixture runs an ingress for the time of a block."""

BATCH_TYPE = "application/cloudevents-batch+json"
STRUCTURED_TYPE = "application/cloudevents+json"
SHORT = {"acceptanceTimeoutSeconds": 2}


def cloud_event(event: OrderFulfillmentEvent, **attributes: str) -> CloudEvent:
    return CloudEvent(
        {
            "specversion": "1.0",
            "type": "orders.OrderPlaced.v1",
            "source": "/shop",
            "id": event.meta.idempotency_key,
            "datacontenttype": "application/json",
            **attributes,
        },
        json_format.MessageToDict(event),
    )


def structured(event: OrderFulfillmentEvent, **attributes: str) -> HTTPMessage:
    return to_structured(cloud_event(event, **attributes), JSONFormat())


def batch(*events: bytes) -> bytes:
    return b"[" + b",".join(events) + b"]"


async def test_every_way_to_write_an_event_is_taken_in_order(
    posting: Posting, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    events = [order_placed("ways", key) for key in ("bare", "bare-json", "bin", "bin ä%", "struct", "b-1", "b-2", "gz")]
    async with posting() as ingress, receivers(client):
        answers = [await ingress.post_protobuf(events[0])]
        json_type = {"content-type": "application/json; charset=utf-8"}
        answers.append(await ingress.post(json_format.MessageToJson(events[1]), json_type))
        binary = to_binary(cloud_event(events[2]), JSONFormat())
        answers.append(await ingress.post(binary.body, binary.headers))
        # A key that is not ASCII is percent-encoded in its header; the data may be protobuf.
        binary = to_binary(cloud_event(events[3]), JSONFormat())
        headers = {**binary.headers, "content-type": "application/protobuf"}
        answers.append(await ingress.post(events[3].SerializeToString(), headers))
        message = structured(events[4])
        answers.append(await ingress.post(message.body, message.headers))
        both = batch(structured(events[5]).body, structured(events[6]).body)
        answers.append(await ingress.post(both, {"content-type": BATCH_TYPE}))
        zipped = {"content-encoding": "gzip", "content-type": "application/protobuf"}
        answers.append(await ingress.post(gzip.compress(events[7].SerializeToString()), zipped))
        answers.append(await ingress.post(b"[]", {"content-type": BATCH_TYPE}))
        assert [(answer.status, answer.text) for answer in answers] == [(202, "")] * len(answers)
        # 202 is the promise: nothing has to be waited for.
        assert await received_by(client, "ways") == [event.meta.idempotency_key for event in events]
        assert await ingress.metric('ameide_ingress_http_requests_total{status="202"') == len(answers)
        assert await ingress.metric('ameide_ingress_events_total{outcome="accepted"') == len(events)


async def test_what_can_never_be_taken_is_refused_with_its_reason(posting: Posting, order_placed: Placed) -> None:
    good = order_placed("refused")
    envelope = good.SerializeToString()
    protobuf = {"content-type": "application/protobuf"}
    no_key, no_case, no_id, odd_version = (OrderFulfillmentEvent.FromString(envelope) for _ in range(4))
    no_key.meta.key.ClearField("order_id")
    no_case.ClearField("order_placed")
    no_id.meta.ClearField("idempotency_key")
    odd_version.meta.schema_version = 9
    binary = to_binary(cloud_event(good), JSONFormat())
    cases: list[tuple[bytes, Any, int, str]] = [
        (b"\xff\xfe random", protobuf, 400, "undecodable"),
        (b"", protobuf, 400, "undecodable"),
        (b"{", {"content-type": "application/json"}, 400, "undecodable"),
        (b"[]", {"content-type": "application/json"}, 400, "undecodable"),
        (b"[", {"content-type": BATCH_TYPE}, 400, "undecodable"),
        (b"not gzip", {**protobuf, "content-encoding": "gzip"}, 400, "undecodable"),
        (gzip.compress(b"\0" * 10_000_000), {**protobuf, "content-encoding": "gzip"}, 413, "too-large"),
        (envelope, {**protobuf, "content-encoding": "br"}, 415, "wrong-content-encoding"),
        (envelope, {"content-type": "image/png"}, 415, "wrong-content-type"),
        (envelope, {"content-type": "application/cloudevents+avro"}, 415, "wrong-content-type"),
        (envelope, {"content-type": "application/cloudevents-batch+avro"}, 415, "wrong-content-type"),
        (binary.body, {**binary.headers, "ce-specversion": "0.3"}, 400, "cloudevent-mismatch"),
        (binary.body, {**binary.headers, "ce-specversion": "2.0"}, 400, "cloudevent-mismatch"),
        (binary.body, {**binary.headers, "ce-id": ""}, 400, "cloudevent-mismatch"),
        (binary.body, {**binary.headers, "ce-id": "other"}, 400, "cloudevent-mismatch"),
        (binary.body, {**binary.headers, "ce-time": "yesterday"}, 400, "cloudevent-mismatch"),
        (binary.body, {**binary.headers, "ce-subject": "%ff"}, 400, "cloudevent-mismatch"),
        (binary.body, [*binary.headers.items(), ("ce-id", "placed-refused")], 400, "cloudevent-mismatch"),
        (structured(good, specversion="1.0").body.replace(b'"1.0"', b"1.0"), None, 400, "cloudevent-mismatch"),
        (b'{"specversion":"1.0"}', {"content-type": STRUCTURED_TYPE}, 400, "cloudevent-mismatch"),
        (no_key.SerializeToString(), protobuf, 422, "missing-key"),
        (no_case.SerializeToString(), protobuf, 422, "unknown-case"),
        (no_id.SerializeToString(), protobuf, 422, "missing-idempotency-key"),
        (odd_version.SerializeToString(), protobuf, 422, "wrong-schema-version"),
        (order_placed("x" * 5_000).SerializeToString(), protobuf, 422, "key-too-long"),
        (order_placed("big", sku="x" * 2_000_000).SerializeToString(), protobuf, 413, "too-large"),
        (b"x" * 10_000_000, protobuf, 413, "too-large"),
    ]
    async with posting() as ingress:
        for body, headers, status, reason in cases:
            answer = await ingress.post(body, headers or {"content-type": STRUCTURED_TYPE})
            said = (headers, answer.text)
            assert answer.status == status, said
            assert answer.headers["Content-Type"] == "application/problem+json", said
            assert (answer.document["status"], answer.document["reason"]) == (status, reason), said
            assert answer.document["detail"], said
            # As it is, it never will be: nobody is asked to send it again.
            assert "Retry-After" not in answer.headers, said
        assert (await ingress.post(b"", path="/events")).document[
            "detail"
        ] == "events are posted to: /events/orders-posted"
        answer = await ingress.post(None, method="GET")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
        assert await ingress.metric('ameide_ingress_events_total{outcome="refused"') > 10
        assert (await ingress.post_protobuf(good)).status == 202


async def test_a_repetition_is_accepted_and_a_late_event_is_not(
    *,
    posting: Posting,
    client: Client,
    receivers: Receivers,
    received_by: ReceivedBy,
    order_placed: Placed,
    cancel_order: Callable[[str], OrderFulfillmentEvent],
) -> None:
    async with posting() as ingress, receivers(client):
        for _ in range(2):
            assert (await ingress.post_protobuf(order_placed("again"))).status == 202
            assert (await ingress.post_protobuf(cancel_order("again"))).status == 202

        async def closed() -> bool:
            description = await client.get_workflow_handle("proc/order-fulfillment/t/again").describe()
            return description.status is WorkflowExecutionStatus.COMPLETED

        await wait_until(closed)
        late = await ingress.post_protobuf(order_placed("again", "late"))
        assert (late.status, late.document["reason"]) == (409, "late")
        assert "was closed already" in late.document["detail"]
        assert await received_by(client, "again") == ["placed-again", "cancel-again"]


async def test_with_a_dead_letter_stream_the_ingress_takes_charge_of_what_it_cannot_handle(
    posting: Posting, kafka: EmbeddedKafka, order_placed: Placed
) -> None:
    await kafka.create_topic("posted.dead")
    stream = {"kind": "kafka", "bootstrapServers": kafka.bootstrap_servers, "topic": "posted.dead"}
    async with posting({"deadLetter": "dead-letter"}, outputs={"dead-letter": stream}) as ingress:
        poison = await ingress.post(b"\xff", {"content-type": "application/protobuf", "authorization": "Bearer s3cret"})
        assert poison.status == 202
        (event,) = poison.document["events"]
        assert (event["index"], event["reason"]) == (0, "dead-lettered")
        # What was never an event is refused all the same.
        assert (await ingress.post(b"[", {"content-type": BATCH_TYPE})).status == 400
        assert (await ingress.post_protobuf(order_placed("beside-poison"))).text == ""
    consumer = AIOKafkaConsumer("posted.dead", bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            record = await consumer.getone()
    finally:
        await consumer.stop()
    headers = dict(record.headers)
    assert record.value == b"\xff"
    assert headers["dead-letter-reason"] == b"undecodable"
    assert headers["content-type"] == b"application/protobuf"
    assert not any(b"s3cret" in value for value in headers.values())


async def test_what_the_dead_letter_stream_refuses_for_its_size_is_refused_and_holds_up_nothing(
    posting: Posting, order_placed: Placed
) -> None:
    async with NatsServer(config={"max_payload": 16_384}) as nats:
        await nats.create_stream("DEAD", ["dead"])
        stream = {"kind": "nats", "servers": nats.address, "subject": "dead"}
        async with posting({"deadLetter": "dead-letter"}, outputs={"dead-letter": stream}) as ingress:
            undecodable = await ingress.post(b"\xff" * 20_000)
            assert (undecodable.status, undecodable.document["reason"]) == (400, "undecodable")
            assert "max_payload of the NATS server" in undecodable.document["detail"]
            too_large = await ingress.post_protobuf(order_placed("large", sku="x" * 3_000_000))
            assert (too_large.status, too_large.document["reason"]) == (413, "too-large")
            assert "max_payload of the NATS server" in too_large.document["detail"]
            # The path flows on, and the stream takes what fits.
            assert (await ingress.get("/readyz"))[0] == 200
            assert (await ingress.post_protobuf(order_placed("after-large"))).status == 202
            assert (await ingress.post(b"\xff")).document["events"][0]["reason"] == "dead-lettered"


async def test_while_the_dead_letter_stream_is_away_good_events_are_taken_and_others_are_not_kept(
    posting: Posting, order_placed: Placed
) -> None:
    async with NatsServer() as nats:
        await nats.create_stream("DEAD", ["dead"])
        stream = {"kind": "nats", "servers": nats.address, "subject": "dead"}
        # Long before that: meanwhile it would have a place that good events need.
        settings = {"deadLetter": "dead-letter", "acceptanceTimeoutSeconds": 60}
        async with posting(settings, outputs={"dead-letter": stream}) as ingress:
            await nats.stop()
            first = asyncio.create_task(ingress.post(b"\xff"))
            await ingress.until_check("delivery:orders-posted", "dead-letter stream: output dead-letter")
            good = [await ingress.post_protobuf(order_placed(f"beside-away-{number}")) for number in range(5)]
            assert [answer.status for answer in good] == [202] * 5
            refused = await first
            assert (refused.status, refused.document["reason"]) == (503, "unavailable")
            assert "dead-letter stream: output dead-letter" in refused.document["detail"]
            assert int(refused.headers["Retry-After"]) >= 1

            # What was told to come again is not kept: each repetition would take room of its own.
            async def empty() -> bool:
                return await ingress.metric("ameide_ingress_in_flight_events{") == 0

            await wait_until(empty)
            await nats.start()

            # Until the connection is there again, it is told to come again.
            async def dead_lettered() -> bool:
                answer = await ingress.post(b"\xff")
                return answer.status != 503 and answer.document["events"][0]["reason"] == "dead-lettered"

            await wait_until(dead_lettered)


async def test_a_batch_is_accepted_as_a_whole_or_says_what_became_of_each(
    posting: Posting, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    good = [structured(order_placed(f"batch-{number}")).body for number in range(2)]
    bad = structured(order_placed("batch-2"), type="orders.Other.v1").body
    headers = {"content-type": BATCH_TYPE}
    async with posting() as ingress, receivers(client):
        for _ in range(2):
            answer = await ingress.post(batch(good[0], bad, b"7", good[1]), headers)
            assert (answer.status, answer.document["reason"]) == (400, "not-all-accepted")
            assert "2 of 4 events were taken" in answer.document["detail"]
            told = [(each["index"], each["status"], each["reason"]) for each in answer.document["events"]]
            assert told == [
                (0, 202, "accepted"),
                (1, 400, "cloudevent-mismatch"),
                (2, 400, "undecodable"),
                (3, 202, "accepted"),
            ]
        # Sent twice; a real workflow drops what it applied.
        assert await received_by(client, "batch-0") == ["placed-batch-0"] * 2


async def test_a_parked_key_is_told_so_and_holds_up_no_other(posting: Posting, order_placed: Placed) -> None:
    async with (
        TemporalDevServer(dynamic_config={"history.maximumSignalsPerExecution": 3}) as server,
        posting({"acceptanceTimeoutSeconds": 60}, server=server) as ingress,
    ):
        for number in range(3):
            assert (await ingress.post_protobuf(order_placed("full", f"e-{number}"))).status == 202
        # Some of one batch are taken and the others are not: all may be repeated.
        both = batch(structured(order_placed("full", "e-3")).body, structured(order_placed("beside-batch")).body)
        parked, mixed, *beside = await asyncio.gather(
            ingress.post_protobuf(order_placed("full", "e-3")),
            ingress.post(both, {"content-type": BATCH_TYPE}),
            *(ingress.post_protobuf(order_placed(f"beside-{number}")) for number in range(20)),
        )
        assert [answer.status for answer in beside] == [202] * 20
        assert (parked.status, parked.document["reason"]) == (503, "parked")
        assert "limit for signal events" in parked.document["detail"]
        assert "repeating it is safe" in parked.document["detail"]
        assert int(parked.headers["Retry-After"]) >= 1
        assert (mixed.status, mixed.document["reason"]) == (503, "not-all-accepted")
        assert [each["status"] for each in mixed.document["events"]] == [503, 202]
        assert "Retry-After" in mixed.headers

        # What was told to come again is not kept: it would fill the room of other keys.
        async def empty() -> bool:
            return await ingress.metric("ameide_ingress_in_flight_events{") == 0

        await wait_until(empty)
        # The others flow; who asks why this one does not is told, also between two repetitions.
        await asyncio.sleep(3)
        ok, reason = await ingress.check("delivery:orders-posted")
        assert ok
        assert reason.startswith("parked: 'proc/order-fulfillment/t/full': ")
        assert await ingress.metric("ameide_ingress_parked_keys{") == 1


async def test_while_temporal_is_away_producers_are_told_to_come_again(
    posting: Posting, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed, tmp_path: Any
) -> None:
    server = TemporalDevServer(db_filename=tmp_path / "t.db")
    await server.start()
    try:
        async with posting(SHORT, server=server) as ingress:
            assert (await ingress.post_protobuf(order_placed("away", "before"))).status == 202
            await server.kill()

            async def unavailable() -> bool:
                answer = await ingress.post_protobuf(order_placed("away", "meanwhile"))
                assert answer.status == 503
                assert "Retry-After" in answer.headers
                assert "repeating it is safe" in answer.text or "no events are taken now" in answer.text
                return answer.document["reason"] == "unavailable"

            await wait_until(unavailable, timeout_s=30)
            await ingress.until_check("delivery:orders-posted", "Temporal takes no events")
            # Nothing is sent any more, as a Service sends nothing to a pod that is not ready; it comes back alone.
            await server.start()
            await ingress.until_ready()
            assert (await ingress.post_protobuf(order_placed("away", "after"))).status == 202
            client = await server.connect(data_converter=DATA_CONVERTER)
            async with receivers(client):
                received = await received_by(client, "away")
            assert received[0] == "before"
            assert received[-1] == "after"
    finally:
        await server.close()


async def test_who_waits_too_long_is_told_that_the_event_may_still_arrive(
    posting: Posting, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    async with TemporalDevServer() as server, posting(SHORT, server=server) as ingress:
        server.pause()
        try:
            answer = await ingress.post_protobuf(order_placed("slow"))
        finally:
            server.resume()
        assert (answer.status, answer.document["reason"]) == (503, "not-accepted-in-time")
        assert "may still be" in answer.document["detail"]
        assert int(answer.headers["Retry-After"]) >= 1
        client = await server.connect(data_converter=DATA_CONVERTER)

        async def repeated() -> bool:
            return (await ingress.post_protobuf(order_placed("slow"))).status == 202

        await wait_until(repeated, timeout_s=30)
        async with receivers(client):
            assert set(await received_by(client, "slow")) == {"placed-slow"}


async def test_a_client_that_goes_away_breaks_nothing(
    posting: Posting, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    async with posting() as ingress, receivers(client):
        body = order_placed("gone").SerializeToString()
        _, writer = await ingress.connect()
        writer.write(request(body))
        await writer.drain()
        writer.transport.abort()
        await wait_until(lambda: arrived(received_by, client, "gone"))
        assert (await ingress.post_protobuf(order_placed("gone", "next"))).status == 202
        assert await received_by(client, "gone") == ["placed-gone", "next"]


async def arrived(received_by: ReceivedBy, client: Client, order_id: str) -> bool:
    try:
        return bool(await received_by(client, order_id))
    except Exception:  # noqa: BLE001 - the workflow does not exist yet
        return False


def request(body: bytes, *lines: str) -> bytes:
    head = [
        "POST /events/orders-posted HTTP/1.1",
        "Host: x",
        "Content-Type: application/protobuf",
        f"Content-Length: {len(body)}",
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


async def test_requests_of_one_connection_are_answered_in_order(
    posting: Posting, client: Client, receivers: Receivers, received_by: ReceivedBy, order_placed: Placed
) -> None:
    async with posting() as ingress, receivers(client):
        events = [order_placed("pipelined", f"e-{number}") for number in range(30)]
        sent = [request(each.SerializeToString()) for each in events[:-1]]
        sent += [request(b"\xff"), request(events[-1].SerializeToString(), "Connection: close")]
        answers = (await ingress.send(b"".join(sent))).split(b"HTTP/1.1 ")[1:]
        assert [answer[:3] for answer in answers] == [b"202"] * 29 + [b"400", b"202"]
        assert await received_by(client, "pipelined") == [event.meta.idempotency_key for event in events]


async def test_only_who_shows_a_token_is_let_in(
    posting: Posting, order_placed: Placed, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tokens = tmp_path / "token"
    tokens.write_text("first-token\n")
    async with posting({"bearerTokenFile": str(tokens)}) as ingress:

        async def status(*credentials: str) -> int:
            headers = [("content-type", "application/protobuf"), *(("authorization", each) for each in credentials)]
            answer = await ingress.post(order_placed("guarded").SerializeToString(), headers)
            if answer.status == 401:
                assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
                assert answer.document["reason"] == "unauthorized"
            assert "token" not in answer.text or "first-token" not in answer.text
            return answer.status

        assert await status() == 401
        for wrong in (
            "Bearer ",
            "Bearer first-toke",
            "Bearer first-token2",
            "Basic first-token",
            "first-token",
            "Bearer ä",
        ):
            assert await status(wrong) == 401, wrong
        assert await status("Bearer first-token", "Bearer first-token") == 401
        assert await status("bearer  first-token") == 202
        # While a token is replaced both are valid, then the new one alone; nothing is restarted.
        tokens.write_text("first-token\nsecond-token\n")
        assert [await status("Bearer first-token"), await status("Bearer second-token")] == [202, 202]
        tokens.write_text("second-token")
        assert [await status("Bearer first-token"), await status("Bearer second-token")] == [401, 202]
        tokens.write_text("")
        assert await status("Bearer second-token") == 503
        await ingress.until_check("source:orders-posted", "is empty; write a token into it")
        tokens.write_text("second-token")
        await ingress.until_ready()
        assert await status("Bearer second-token") == 202
        # The head of a refused request is read, its body is not.
        huge = await ingress.post(b"x" * 10_000_000, {"authorization": "Bearer wrong"})
        assert huge.status == 401
    assert "first-token" not in caplog.text
    assert "second-token" not in caplog.text


async def test_a_port_that_is_taken_is_said_and_waited_for(
    posting: Posting, order_placed: Placed, unused_tcp_port_factory: Callable[[], int]
) -> None:
    port = unused_tcp_port_factory()
    other = await asyncio.start_server(lambda _, __: None, "127.0.0.1", port)
    async with posting(port=port, ready=False) as ingress:
        await ingress.until_check(
            "source:orders-posted", f"cannot listen on 127.0.0.1:{port} for events: Address already in use"
        )
        other.close()
        await other.wait_closed()
        await ingress.until_ready()
        assert (await ingress.post_protobuf(order_placed("port"))).status == 202


async def test_a_stop_answers_what_was_read_and_refuses_what_comes(posting: Posting, order_placed: Placed) -> None:
    async with TemporalDevServer() as server, posting(server=server) as ingress:
        assert (await ingress.post_protobuf(order_placed("stop", "before"))).status == 202
        kept = [await ingress.connect() for _ in range(3)]
        server.pause()
        reader, writer = kept[0]
        writer.write(request(order_placed("stop", "in flight").SerializeToString()))

        async def taken() -> bool:
            return await ingress.metric("ameide_ingress_in_flight_events{") == 1

        await wait_until(taken)
        ingress.stop.set()

        async def refused() -> bool:
            answer = await ingress.post_protobuf(order_placed("stop", "too late"))
            assert answer.status in {202, 503}
            return answer.status == 503 and answer.document["reason"] == "stopping" and "Retry-After" in answer.headers

        await wait_until(refused)
        server.resume()
        async with asyncio.timeout(20):
            assert (await reader.readline()).startswith(b"HTTP/1.1 202 ")
        for _, each in kept:
            each.close()

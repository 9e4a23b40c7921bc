"""What becomes of events between a source and a real Temporal."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import TemporalDevServer, TemporalSecurity, TemporalServer
from ameide_devstack.testing import wait_for, wait_until
from ameide_process.converter import DATA_CONVERTER
from ameide_process.ingress._limits import Limits
from ameide_process.ingress.testing import MemoryIngressFactory
from ameide_process.outputs import OutputTooLargeError, OutputUnavailableError
from temporalio.client import Client, WorkflowExecutionStatus


async def test_events_of_a_key_keep_their_order_and_share_signals(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
    order_placed: Callable[..., OrderFulfillmentEvent],
):
    async with receivers(client), engine(client) as ingress:
        last = ingress.append_all(order_placed("order-kept", f"e-{number}") for number in range(200))
        await ingress.committed(last)
        assert await received_by(client, "order-kept") == [f"e-{number}" for number in range(200)]
        signals = ingress.metric("ameide_ingress_signals_total", call="signal")
        assert ingress.metric("ameide_ingress_signals_total", call="signal_with_start") == 1
        assert signals < 20
        assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 200


async def test_a_few_events_read_well_in_temporal_and_many_for_one_key_are_compact(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    async with engine(client) as ingress:
        ingress.append_all(order_placed(f"few-{number % 5}", f"e-{number}") for number in range(25))
        await ingress.committed(ingress.append_all(order_placed("many", f"e-{number}") for number in range(40)))

    async def encodings(order: str) -> list[bytes]:
        history = await client.get_workflow_handle(f"proc/order-fulfillment/t/{order}").fetch_history()
        return [
            payload.metadata["encoding"]
            for event in history.events
            if event.HasField("workflow_execution_signaled_event_attributes")
            for payload in event.workflow_execution_signaled_event_attributes.input.payloads
        ]

    for number in range(5):
        assert await encodings(f"few-{number}") == [b"json/protobuf"] * 5
    many = await encodings("many")
    assert len(many) == 40
    assert many[:10] == [b"json/protobuf"] * 10
    assert many[-10:] == [b"binary/protobuf"] * 10


async def test_trace_context_reaches_the_workflow_and_its_events(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    async with engine(client) as ingress:
        value = order_placed("traced").SerializeToString()
        last = ingress.transport.append(value, [("traceparent", parent.encode()), ("correlation-id", b"c-1")])
        await ingress.committed(last)
    history = await client.get_workflow_handle("proc/order-fulfillment/t/traced").fetch_history()
    signal = next(e for e in history.events if e.HasField("workflow_execution_signaled_event_attributes"))
    attributes = signal.workflow_execution_signaled_event_attributes
    assert attributes.header.fields["_tracer-data"].data == json.dumps({"traceparent": parent}).encode()
    assert attributes.header.fields["correlation-id"].data == b'"c-1"'
    assert attributes.input.payloads[0].metadata["traceparent"] == parent.encode()


async def test_a_tombstone_is_acknowledged_and_counted(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    async with engine(client) as ingress:
        ingress.append(order_placed("beside-tombstone"))
        last = ingress.transport.append(None, key=b"k")
        await ingress.committed(last)
        assert ingress.metric("ameide_ingress_events_total", outcome="tombstone") == 1
        assert not ingress.dead_letters.records


async def test_messages_older_than_the_histories_are_warned_of(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async with engine(client) as ingress:
        # Records of the source in memory are years old.
        await ingress.committed(ingress.append(order_placed("of-old")))
        said = "messages older than 1 day are read, which is how long the namespace keeps closed workflows"
        await wait_for(lambda: said in ingress.source_check.status.reason)
        assert ingress.source_check.status.ok


async def test_events_for_a_closed_workflow_are_duplicates_or_dead_letters(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
):
    async with receivers(client), engine(client) as ingress:
        ingress.append(order_placed("closed", "seen"))
        await ingress.committed(ingress.append(cancel_order("closed")))
        await client.get_workflow_handle("proc/order-fulfillment/t/closed").result()
        late = order_placed("closed", "unseen")
        ingress.append(order_placed("closed", "seen"))
        await ingress.committed(ingress.append(late))
        assert ingress.metric("ameide_ingress_events_total", outcome="duplicate") == 1
        (record,) = ingress.dead_letters.records
        headers = dict(record.headers)
        assert record.value == late.SerializeToString()
        assert headers["dead-letter-reason"] == b"late"
        assert headers["dead-letter-workflow-id"] == b"proc/order-fulfillment/t/closed"
        assert headers["dead-letter-source-position"] == b"3"


async def test_without_a_worker_to_answer_for_a_closed_workflow_its_key_waits(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    order_placed: Callable[..., OrderFulfillmentEvent],
    cancel_order: Callable[[str], OrderFulfillmentEvent],
):
    async with engine(client, Limits(events_per_key=2048, partition_events=5)) as ingress:
        async with receivers(client):
            ingress.append(order_placed("silent", "seen"))
            await ingress.committed(ingress.append(cancel_order("silent")))
            await client.get_workflow_handle("proc/order-fulfillment/t/silent").result()
        waiting = ingress.append(order_placed("silent", "seen"))
        last = ingress.append_all(order_placed(f"beside-silent-{number}") for number in range(6))
        await wait_for(lambda: ingress.metric("ameide_ingress_parked_keys") == 1)
        await wait_for(lambda: not ingress.delivery_check.status.ok)
        assert "parked: 'proc/order-fulfillment/t/silent'" in ingress.delivery_check.status.reason
        assert "is a worker running?" in ingress.delivery_check.status.reason
        assert ingress.transport.committed == waiting
        assert not ingress.dead_letters.records
        async with receivers(client):
            await ingress.committed(last)
        await wait_for(lambda: ingress.delivery_check.status.ok)


async def test_late_events_of_a_workflow_that_was_closed_before_a_worker_saw_it_are_dead_lettered(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    """No worker can answer for it, and it applied nothing."""
    async with engine(client) as ingress:
        await ingress.committed(ingress.append(order_placed("unseen", "early")))
        await client.get_workflow_handle("proc/order-fulfillment/t/unseen").terminate()
        late = order_placed("unseen", "late")
        await ingress.committed(ingress.append(late))
    (record,) = ingress.dead_letters.records
    assert record.value == late.SerializeToString()
    assert dict(record.headers)["dead-letter-reason"] == b"late"


async def test_a_key_at_its_signal_limit_waits_alone(
    engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    async with TemporalDevServer(dynamic_config={"history.maximumSignalsPerExecution": 3}) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with engine(client, Limits(events_per_key=2048, batch_events=1, batch_gap=0)) as ingress:
            for number in range(5):
                ingress.append(order_placed("full", f"e-{number}"))
            for number in range(20):
                ingress.append(order_placed(f"beside-full-{number}"))
            await wait_for(lambda: ingress.metric("ameide_ingress_events_total", outcome="accepted") == 23)
            await wait_for(lambda: ingress.metric("ameide_ingress_parked_keys") == 1)
            assert ingress.transport.committed == 3
            await wait_for(lambda: "parked: 'proc/order-fulfillment/t/full'" in ingress.delivery_check.status.reason)
            assert ingress.delivery_check.status.ok
            assert not ingress.dead_letters.records


async def test_a_key_without_a_worker_is_parked_long_before_the_server_ends_its_workflow(
    engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    number_of_events = 3_000
    async with TemporalDevServer() as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with engine(client) as ingress:
            # 60 MB; the server ends a workflow at 50.
            ingress.append_all(
                order_placed("outgrown", f"e-{number}", sku="x" * 20_000) for number in range(number_of_events)
            )
            await wait_for(lambda: "parked" in ingress.delivery_check.status.reason, timeout_s=60)
            said = ingress.delivery_check.status.reason
            assert "parked: 'proc/order-fulfillment/t/outgrown'" in said
            assert "nothing more is sent until a worker has handled what waits there: is a worker running?" in said
            assert ingress.metric("ameide_ingress_parked_keys") == 1
            assert ingress.metric("ameide_ingress_call_failures_total", verdict="over-budget") > 0
            handle = client.get_workflow_handle("proc/order-fulfillment/t/outgrown")
            info = (await handle.describe()).raw_description.workflow_execution_info
            assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
            assert 20 * 2**20 < info.history_size_bytes < 24 * 2**20
            assert ingress.transport.committed < number_of_events / 2
            assert not ingress.dead_letters.records


async def test_a_server_with_lower_limits_ends_no_workflow_when_the_budget_is_set_for_it(
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    order_placed: Callable[..., OrderFulfillmentEvent],
):
    async with TemporalDevServer(dynamic_config={"limit.historySize.error": 10 * 2**20}) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with engine(client, Limits(events_per_key=2048, history_bytes=4 * 2**20)) as ingress:
            # 20 MB.
            last = ingress.append_all(
                order_placed("renewed-late", f"e-{number}", sku="x" * 20_000) for number in range(1_000)
            )
            await wait_for(lambda: "parked" in ingress.delivery_check.status.reason, timeout_s=60)
            assert "more than the 4 MB or 8000 events of its budget" in ingress.delivery_check.status.reason
            async with receivers(client):
                await ingress.committed(last, within=60)
            assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 1_000
            assert not ingress.dead_letters.records


async def test_a_busy_server_slows_us_down_and_loses_nothing(
    engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    async with TemporalDevServer(dynamic_config={"frontend.namespaceRPS": 10}) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with engine(client) as ingress:
            last = ingress.append_all(order_placed(f"throttled-{number}") for number in range(40))
            await ingress.committed(last, within=30)
            assert ingress.metric("ameide_ingress_call_failures_total", verdict="throttled") > 0
            assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 40


async def test_an_unregistered_namespace_is_waited_for(
    engine: MemoryIngressFactory, temporal: TemporalDevServer, order_placed: Callable[..., OrderFulfillmentEvent]
):
    client = await temporal.connect(data_converter=DATA_CONVERTER)
    config = client.config()
    config["namespace"] = "nowhere"
    async with engine(type(client)(**config)) as ingress:
        ingress.append(order_placed("nowhere"))
        await wait_for(lambda: "Namespace nowhere is not found" in ingress.delivery_check.status.reason)
        assert ingress.transport.committed == 0


async def test_temporal_may_go_and_come_back(
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
    order_placed: Callable[..., OrderFulfillmentEvent],
    tmp_path: Path,
):
    async with TemporalDevServer(db_filename=tmp_path / "temporal.db") as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with engine(client) as ingress:
            await ingress.committed(ingress.append(order_placed("stayer", "first")))
            await server.kill()
            for number in range(50):
                ingress.append(order_placed(f"meanwhile-{number}"))
            last = ingress.append(order_placed("stayer", "second"))
            await wait_for(lambda: not ingress.delivery_check.status.ok)
            assert "Temporal takes no events" in ingress.delivery_check.status.reason
            await wait_for(lambda: ingress.transport.paused)
            assert ingress.transport.committed == 1
            await server.start()
            await ingress.committed(last, within=30)
            await wait_for(lambda: ingress.delivery_check.status.ok)
            assert not ingress.transport.paused
            async with receivers(client):
                assert await received_by(client, "stayer") == ["first", "second"]


async def test_while_the_dead_letter_stream_is_down_the_partition_pauses(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    async with engine(client) as ingress:
        ingress.dead_letters.failure = OutputUnavailableError("kafka topic dl at broker:9092: connection refused")
        ingress.append(order_placed("before-poison"))
        poison = ingress.transport.append(b"\xff")
        await wait_for(lambda: ingress.transport.paused)
        last = ingress.append(order_placed("after-poison"))
        await wait_for(lambda: "connection refused" in ingress.delivery_check.status.reason)
        await asyncio.sleep(0.5)
        assert ingress.transport.committed == poison
        ingress.dead_letters.failure = None
        await ingress.committed(last)
        assert ingress.dead_letters.reasons() == {b"\xff": "undecodable"}
        await wait_for(lambda: ingress.delivery_check.status.ok)


async def test_a_dead_letter_refused_for_its_size_names_the_limit_to_raise(
    client: Client, engine: MemoryIngressFactory
):
    async with engine(client) as ingress:
        ingress.dead_letters.failure = OutputTooLargeError(size=2_000_000, limit="max.message.bytes of Kafka topic dl")
        ingress.transport.append(b"\xff")
        await wait_for(lambda: ingress.transport.paused)
        assert "raise max.message.bytes of Kafka topic dl to at least 2000000" in ingress.delivery_check.status.reason
        assert ingress.transport.committed == 0


async def test_an_event_that_the_server_finds_too_large_is_a_dead_letter(
    engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    config = {"limit.blobSize.error": 20_000, "limit.blobSize.warn": 10_000}
    async with TemporalDevServer(dynamic_config=config) as server:
        client = await server.connect(data_converter=DATA_CONVERTER)
        async with engine(client) as ingress:
            ingress.append(order_placed("large", "small-0"))
            for number in range(8):
                # Together over the server's limit, each below it.
                ingress.append(order_placed("large", f"medium-{number}", sku="x" * 4_000))
            oversized = order_placed("large", "oversized", sku="x" * 30_000)
            ingress.append(oversized)
            await ingress.committed(ingress.append(order_placed("large", "small-1")))
            assert ingress.dead_letters.reasons() == {oversized.SerializeToString(): "too-large"}
            assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 10


async def test_continue_as_new_under_load_holds_a_key_up_for_moments_only(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    order_placed: Callable[..., OrderFulfillmentEvent],
):
    limits = Limits(events_per_key=2048, batch_events=2, batch_gap=0)
    async with receivers(client), engine(client, limits) as ingress:
        last = ingress.append_all(order_placed("renewed", f"e-{number}") for number in range(300))
        await ingress.committed(last)
        assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 300
        assert ingress.metric("ameide_ingress_call_failures_total", verdict="unknown") == 0
        description = await client.get_workflow_handle("proc/order-fulfillment/t/renewed").describe()
        assert description.run_id != description.raw_description.workflow_execution_info.first_run_id


async def test_a_stop_finishes_what_is_in_flight_and_commits_it(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    # With no bytes for a key that we meet, every call begins with a look at its workflow. A call that is given up would
    # be repeated, and not be among those that have ended.
    limits = Limits(events_per_key=2048, unknown_bytes=0)
    async with engine(client, limits, call_timeout=timedelta(minutes=1)) as ingress:
        for number in range(100):
            ingress.append(order_placed(f"stopped-{number}"))
        await wait_for(lambda: ingress.metric("ameide_ingress_events_total", outcome="accepted") >= 10)
    accepted = ingress.metric("ameide_ingress_events_total", outcome="accepted")
    # In memory all calls begun have ended; positions end contiguously, since each key has one event.
    assert ingress.transport.committed == accepted


async def test_a_rebalance_in_the_middle_loses_nothing(
    client: Client,
    engine: MemoryIngressFactory,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
    order_placed: Callable[..., OrderFulfillmentEvent],
):
    async with receivers(client), engine(client, Limits(events_per_key=2048, batch_events=3)) as ingress:
        last = ingress.append_all(order_placed(f"moved-{number % 3}", f"e-{number}") for number in range(60))
        for _ in range(5):
            await asyncio.sleep(0.05)
            await ingress.transport.rebalance()
        await ingress.committed(last)

        async def in_order() -> bool:
            for key in range(3):
                # A workflow would drop repetitions; this one shows them.
                seen = list(dict.fromkeys(await received_by(client, f"moved-{key}")))
                if seen != [f"e-{number}" for number in range(60) if number % 3 == key]:
                    return False
            return True

        await wait_until(in_order)


async def test_a_key_waits_for_a_commit_when_a_redelivery_could_leave_the_window(
    client: Client, engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
):
    async with engine(client, Limits(events_per_key=8, batch_gap=0)) as ingress:
        ingress.dead_letters.failure = OutputUnavailableError("down")
        ingress.transport.append(b"\xff")
        await wait_for(lambda: not ingress.delivery_check.status.ok)
        ingress.transport.resume([ingress.transport.partition])
        last = ingress.append_all(order_placed("bounded", f"e-{number}") for number in range(20))
        await wait_for(lambda: ingress.metric("ameide_ingress_events_total", outcome="accepted") == 8)
        await asyncio.sleep(0.5)
        assert ingress.metric("ameide_ingress_events_total", outcome="accepted") == 8
        ingress.dead_letters.failure = None
        await ingress.committed(last)


@pytest.mark.e2e
async def test_a_token_that_may_only_read_is_said_so_and_nothing_is_lost(
    engine: MemoryIngressFactory, order_placed: Callable[..., OrderFulfillmentEvent]
) -> None:
    async with TemporalServer(security=TemporalSecurity.MUTUAL_TLS_AND_TOKEN, namespace="orders") as server:
        reader = await server.connect(data_converter=DATA_CONVERTER, token=server.tokens.token("orders:read"))
        async with engine(reader) as ingress:
            ingress.append(order_placed("refused"))
            await wait_for(lambda: "Request unauthorized" in ingress.delivery_check.status.reason)
            assert ingress.transport.committed == 0
            assert not ingress.dead_letters.records

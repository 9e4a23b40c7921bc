"""The proof of idempotency fails where redelivery has an effect, and holds where it has none."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    CancelOrder,
    OrderFulfillmentEvent,
    OrderFulfillmentStartV1,
    OrderKey,
    PaymentAuthorized,
    ShipmentCreated,
)
from ameide_devstack import TimeSkippingServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.routing import Route, Router
from ameide_process.testing import ProcessHarness, ProcessParts, Redelivery, running_process, twice
from ameide_process.worker import WorkerParts
from ameide_process.workflow._applied_events import AppliedEvents
from google.protobuf.message import Message
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from workflow_samples import ledger, restless, timed
from workflow_samples.workflow import CONTRACT, Result, State
from workflow_stage import Outside, envelope

PAYLOAD_TYPES = (PaymentAuthorized, ShipmentCreated, CancelOrder)
PAID, SHIPPED, CANCELLED = range(3)

Sample = Redelivery[OrderKey, Any, State, Result]


class _SampleRouter(Router[OrderFulfillmentEvent]):
    contract = CONTRACT
    envelope_type = OrderFulfillmentEvent

    def route(self, event: OrderFulfillmentEvent) -> Route:
        raise AssertionError(event)

    def start(self, event: OrderFulfillmentEvent) -> Message:
        return OrderFulfillmentStartV1(start_version=1, key=OrderKey(tenant_id="t", order_id="o-1"))


@asynccontextmanager
async def _redelivery(worker: WorkerParts, environment: WorkflowEnvironment) -> AsyncGenerator[Sample]:
    parts = ProcessParts[OrderKey, Any, State, Result](
        router=_SampleRouter(),
        worker=worker,
        payload_types=PAYLOAD_TYPES,
        state_type=State,
        result_type=Result,
        event=lambda _, payload, idempotency_key: envelope(payload, idempotency_key),
        sample_key=lambda _: OrderKey(),
    )
    async with running_process(parts, environment) as process:
        assert isinstance(process, ProcessHarness)
        process.activities.implementation = Outside()
        yield Redelivery(process, OrderKey())


@asynccontextmanager
async def _on_time_skipping_server(worker: WorkerParts) -> AsyncGenerator[Sample]:
    async with TimeSkippingServer() as server:
        environment = await server.open_environment(data_converter=DATA_CONVERTER)
        async with environment, _redelivery(worker, environment) as redelivery:
            yield redelivery


@pytest.fixture
def no_dedupe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that takes every event for a new one."""

    def add(_self: AppliedEvents, _event: bytes) -> bool:
        return True

    monkeypatch.setattr(AppliedEvents, "add", add)


@pytest.mark.parametrize("case", [PAID, SHIPPED, CANCELLED])
async def test_it_holds_for_a_runtime_that_deduplicates(case: int) -> None:
    async with _on_time_skipping_server(ledger.PARTS) as redelivery:
        await redelivery.changes_nothing(twice(case))


async def test_it_holds_where_the_state_says_when() -> None:
    """Two workflows differ in points in time, however often their events come."""
    async with _on_time_skipping_server(timed.PARTS) as redelivery:
        await redelivery.changes_nothing(twice(CANCELLED))


@pytest.mark.usefixtures("no_dedupe")
async def test_it_fails_for_a_state_that_counts_repetitions() -> None:
    async with _on_time_skipping_server(ledger.PARTS) as redelivery:
        with pytest.raises(AssertionError, match=r"redelivery alone made of"):
            await redelivery.changes_nothing(twice(PAID))


@pytest.mark.usefixtures("no_dedupe")
async def test_it_fails_for_an_activity_that_is_called_twice_by_a_fresh_key() -> None:
    async with _on_time_skipping_server(restless.PARTS) as redelivery:
        with pytest.raises(AssertionError, match=r"'reserve': 3"):
            await redelivery.changes_nothing(twice(SHIPPED))


async def test_it_fails_for_module_state_that_counts_what_arrives() -> None:
    async with _on_time_skipping_server(restless.PARTS) as redelivery:
        with pytest.raises(AssertionError, match=r"redelivery alone made of"):
            await redelivery.changes_nothing(twice(PAID))


async def test_the_edge_of_the_window_is_where_the_contract_says() -> None:
    async with _on_time_skipping_server(ledger.PARTS) as redelivery:
        await redelivery.is_known_at_the_edge_of_the_window()


async def test_it_fails_for_a_window_that_is_one_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = AppliedEvents.__init__

    def one_less(self: AppliedEvents, window: int, packed: bytes = b"") -> None:
        honest(self, window - 1, packed)

    monkeypatch.setattr(AppliedEvents, "__init__", one_less)
    async with _on_time_skipping_server(ledger.PARTS) as redelivery:
        with pytest.raises(AssertionError, match=r"the first event of 4096 is forgotten"):
            await redelivery.is_known_at_the_edge_of_the_window()


async def test_it_holds_across_runs(eager_client: Client) -> None:
    async with _redelivery(ledger.PARTS, WorkflowEnvironment.from_client(eager_client)) as redelivery:
        await redelivery.changes_nothing_across_runs()


async def test_it_fails_for_a_window_that_does_not_cross_runs(
    eager_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AppliedEvents, "pack", lambda _: b"")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    async with _redelivery(ledger.PARTS, WorkflowEnvironment.from_client(eager_client)) as redelivery:
        with pytest.raises(AssertionError, match=r"redelivery alone made of"):
            await redelivery.changes_nothing_across_runs()

"""Where tests of redrive act."""

import dataclasses
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from ameide_devstack import EmbeddedKafka, KafkaBroker, TemporalDevServer
from redrive_stage import NextRouter, OrderRouter, Place, PlaceFactory, Received, place
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode


@pytest.fixture
async def received(
    client: Client,
    receivers: Callable[[Client], AbstractAsyncContextManager[None]],
    received_by: Callable[[Client, str], Awaitable[list[str]]],
) -> AsyncGenerator[Received]:
    """Runs the workflows of a test, and asks an order's which events it has."""
    async with receivers(client):

        async def ask(order_id: str) -> list[str]:
            try:
                return await received_by(client, order_id)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return []
                raise

        yield ask


@pytest.fixture
def places(
    kafka: EmbeddedKafka,
    temporal: TemporalDevServer,
    router: OrderRouter,
    tmp_path: Path,
    unused_tcp_port_factory: Callable[[], int],
) -> PlaceFactory:
    def make(topic: str, *, broker: KafkaBroker | None = None) -> AbstractAsyncContextManager[Place]:
        return place(
            topic,
            broker=broker or kafka,
            temporal=temporal,
            router=router,
            folder=tmp_path,
            port=unused_tcp_port_factory(),
        )

    return make


@pytest.fixture(scope="session")
def next_router(router: OrderRouter) -> OrderRouter:
    """That of the next version of the process, which reads schema version 2 too."""
    contract = dataclasses.replace(router.contract, api_major=2)

    following = NextRouter(router, contract.api_major)
    following.contract = contract
    return following

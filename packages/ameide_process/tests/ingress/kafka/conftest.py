"""Where tests of the whole ingress program over Kafka act."""

from collections.abc import AsyncGenerator, Callable

import pytest
from aiokafka import AIOKafkaProducer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import EmbeddedKafka, TemporalDevServer
from ameide_process.converter import DATA_CONVERTER
from ameide_process.routing import Router
from kafka_stack import Stack


@pytest.fixture(scope="module")
async def stack(
    kafka: EmbeddedKafka,
    temporal: TemporalDevServer,
    router: Router[OrderFulfillmentEvent],
    tmp_path_factory: pytest.TempPathFactory,
    unused_tcp_port_factory: Callable[[], int],
) -> AsyncGenerator[Stack]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, max_request_size=10_000_000)
    await producer.start()
    client = await temporal.connect(data_converter=DATA_CONVERTER)
    folder = tmp_path_factory.mktemp("mounted")
    yield Stack(kafka, temporal, client, producer, router, folder, unused_tcp_port_factory)
    await producer.stop()

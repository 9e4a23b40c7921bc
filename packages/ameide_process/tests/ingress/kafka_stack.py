"""A broker, Temporal, and ingress programs between them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import EmbeddedKafka, KafkaBroker, TemporalDevServer
from ameide_process.ingress.testing import IngressProgram, ingress_program
from ameide_process.routing import Router
from temporalio.client import Client

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Stack:
    """Broker and Temporal, and ingress programs between them."""

    kafka: EmbeddedKafka
    temporal: TemporalDevServer
    client: Client
    producer: AIOKafkaProducer
    router: Router[OrderFulfillmentEvent]
    folder: Path
    free_port: Callable[[], int]

    @contextlib.asynccontextmanager
    async def ingress(
        self,
        topic: str,
        *,
        kafka: KafkaBroker | None = None,
        temporal: TemporalDevServer | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> AsyncGenerator[IngressProgram]:
        """Runs the program as its environment and mounted files tell it."""
        transport = {
            "kind": "kafka",
            "bootstrapServers": (kafka or self.kafka).bootstrap_servers,
            **(settings or {}),
        }
        subscriptions, outputs = self.folder / f"{topic}.ingress.yaml", self.folder / f"{topic}.outputs.yaml"
        source = {"topic": topic, "consumerGroup": topic, **transport}
        subscriptions.write_text(json.dumps({"orders-facts": source}))
        outputs.write_text(json.dumps({"dead-letter": {**transport, "topic": f"{topic}.dead"}}))
        port = self.free_port()
        environ = {
            **(temporal or self.temporal).environment(),
            "INGRESS_CONFIG": str(subscriptions),
            "OUTPUT_CONFIG": str(outputs),
            "PORT_HTTP": str(port),
            "HTTP_HOST": HOST,
        }
        async with ingress_program(self.router, environ) as ingress:
            yield ingress


async def read_all(kafka: KafkaBroker, topic: str, number: int) -> list[ConsumerRecord]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        records: list[ConsumerRecord] = []
        async with asyncio.timeout(20):
            while len(records) < number:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
        # No more than those.
        for batch in (await consumer.getmany(timeout_ms=300)).values():
            records += batch
        return records
    finally:
        await consumer.stop()

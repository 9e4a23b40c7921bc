"""The dead-letter activity: events that a workflow acknowledged and cannot apply go to the stream, whole."""

import asyncio

from ameide_core_proto.process.v1.process_runtime_pb2 import DeadLetterEvent, DeadLetterRequest, DeadLetterResponse
from prometheus_client import CollectorRegistry, Counter
from temporalio import activity
from temporalio.api.common.v1 import Payload

from ameide_process.contract import ProcessContract
from ameide_process.invalid_event import InvalidReason
from ameide_process.outputs import DeadLetterPublisher, DeadLetterRecord, Headers

_CONTENT_TYPES = {
    b"json/protobuf": b"application/json",
    b"json/plain": b"application/json",
    b"binary/protobuf": b"application/protobuf",
}
"""What the ingress would need to read the record again, by the payload's encoding."""


class DeadLetterWriter:
    """Publishes what workflows hand over."""

    def __init__(self, contract: ProcessContract, publisher: DeadLetterPublisher, registry: CollectorRegistry) -> None:
        """Prepares the writer.

        Args:
            contract: Of the process.
            publisher: The stream.
            registry: Takes the count of dead letters; once.
        """
        self._contract = contract
        self._publisher = publisher
        self._written = Counter(
            "ameide_worker_dead_letters",
            "Events of workflows that the dead-letter stream took, by reason.",
            ["reason"],
            registry=registry,
        )
        # There from the beginning: an alert on a rate misses the first of what appears with it.
        for reason in InvalidReason:
            self._written.labels(reason.value)

    async def publish(self, request: DeadLetterRequest) -> DeadLetterResponse:
        """Publishes the events together, started in their order; returns once the stream has them all.

        A retry publishes all of them again: at least once, like everything on the way.

        Raises:
            OutputError: The stream does not take an event; Temporal retries the activity.
        """
        workflow_id, run_id = request.workflow_id, request.run_id
        if not workflow_id:
            info = activity.info()
            workflow_id, run_id = info.workflow_id or "", info.workflow_run_id or ""
        records = [self._record(event, workflow_id, run_id) for event in request.events]
        await asyncio.gather(*(self._publisher.publish(record) for record in records))
        for event in request.events:
            self._written.labels(event.reason).inc()
        return DeadLetterResponse()

    def _record(self, event: DeadLetterEvent, workflow_id: str, run_id: str) -> DeadLetterRecord:
        payload = Payload.FromString(event.payload)
        content_type = _CONTENT_TYPES.get(payload.metadata.get("encoding", b""))
        headers: Headers = () if content_type is None else (("content-type", content_type),)
        return DeadLetterRecord(
            value=payload.data,
            reason=event.reason,
            message=event.message,
            process=self._contract.name,
            key=workflow_id.encode(),
            headers=headers,
            workflow_id=workflow_id,
            run_id=run_id,
        )

"""From what a process says to facts on their way: its own, and those of its progress."""

from ameide_core_proto.process.v1.process_facts_pb2 import (
    Awaiting,
    Blocked,
    PhaseEntered,
    ProgressFact,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunStarted,
)
from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver, FactCause, OutgoingFact
from google.protobuf.message import Message
from temporalio import workflow

from ameide_process.contract import ProcessContract
from ameide_process.workflow._activity_calls import idempotency_key
from ameide_process.workflow._cause import current_cause, running
from ameide_process.workflow._errors import FactTooLargeError
from ameide_process.workflow._fact_keys import declared_id, declared_partition_key
from ameide_process.workflow._outbox import PROGRESS_STREAM, Outbox

FACT_BYTES = 1_000_000
"""Longest fact; Temporal takes 2 MB in an activity, and Kafka 1 MiB in a record unless told otherwise."""

PROGRESS_FUNCTION = "ameide.progress"
"""Function that workers give their workflows where an output `progress` is bound. It is never called: that it is there
says so."""

PROGRESS_MARK = "ameide-progress"
"""Mark in the history of a run that tells its progress."""

_STEPS: dict[type[Message], str] = {
    RunStarted: "run_started",
    PhaseEntered: "phase_entered",
    Awaiting: "awaiting",
    Blocked: "blocked",
    RunCompleted: "run_completed",
    RunFailed: "run_failed",
    RunCancelled: "run_cancelled",
}


class Emission:
    """Makes the facts of one run.

    Attributes:
        facts: Facts emitted in all runs, progress facts aside.
        progress_facts: Progress facts emitted in all runs.
        cause: The latest event that a handler took: what `run` goes on for.
    """

    def __init__(self, contract: ProcessContract, outbox: Outbox, carried: CarryOver) -> None:
        self._contract = contract
        self._declared = {declared.message_type: declared for declared in contract.emits}
        self._outbox = outbox
        self._info = workflow.info()
        self._run_epoch = carried.run_epoch
        self._tells_progress = False
        self.facts = carried.facts
        self.progress_facts = carried.progress_facts
        self.cause: FactCause | None = None
        if carried.HasField("cause"):
            self.cause = FactCause.FromString(carried.cause.SerializeToString())

    def begin(self) -> None:
        """Decides, once for the run, whether progress is told; the first run that tells it begins with `RunStarted`.

        What is bound may change while a run lives, and a replay may happen on a worker with other bindings. So the
        first execution asks the worker and leaves a mark; a replay asks the history alone.
        """
        running.set(self)
        if not workflow.unsafe.is_replaying() and PROGRESS_FUNCTION not in workflow.extern_functions():  # pyright: ignore[reportUnknownMemberType] -- the SDK's bare Callable
            return
        self._tells_progress = workflow.patched(PROGRESS_MARK)
        if self._tells_progress and not self.progress_facts:
            self.tell(RunStarted())

    def emit(self, message: Message) -> None:
        """Emits a fact of the process.

        Raises:
            TypeError: The process does not declare that it emits it.
            FactKeyError: A field that its id is made of is unset.
            FactTooLargeError: It is longer than `FACT_BYTES`.
        """
        name = message.DESCRIPTOR.full_name
        declared = self._declared.get(name)
        if declared is None:
            msg = f"{self._contract.name} does not emit {name}; give it an event_fact.stream_ref in the proto"
            raise TypeError(msg)
        data = message.SerializeToString(deterministic=True)
        if len(data) > FACT_BYTES:
            raise FactTooLargeError(name, len(data), FACT_BYTES)
        fact_id = declared_id(declared, message)
        self.facts += 1
        fact = self._fact(declared.stream, declared.event_type, self.facts, data, fact_id)
        fact.data_schema = declared.data_schema
        partition_key = declared_partition_key(declared, message)
        if partition_key is not None:
            fact.partition_key = partition_key
        self._outbox.add(fact)

    def tell(
        self, step: RunStarted | PhaseEntered | Awaiting | Blocked | RunCompleted | RunFailed | RunCancelled
    ) -> None:
        """Emits a progress fact; nothing where no output is bound to them."""
        if not self._tells_progress:
            return
        self.progress_facts += 1
        progress = ProgressFact(
            process_definition_id=self._contract.name,
            process_instance_id=self._info.workflow_id,
            process_run_id=self._info.first_execution_run_id,
            run_epoch=self._run_epoch,
            seq=self.progress_facts,
        )
        getattr(progress, _STEPS[type(step)]).MergeFrom(step)
        # An empty message says which step it is by being there.
        getattr(progress, _STEPS[type(step)]).SetInParent()
        event_type = f"ameide.process.{step.DESCRIPTOR.name}.v1"
        data = progress.SerializeToString(deterministic=True)
        self._outbox.add(self._fact(PROGRESS_STREAM, event_type, self.progress_facts, data))

    def pack(self, carry_over: CarryOver) -> None:
        """Puts counts and the unsent facts into what the next run gets."""
        carry_over.facts = self.facts
        carry_over.progress_facts = self.progress_facts
        carry_over.unsent.extend(self._outbox.pack())
        cause = self.cause
        if cause is not None and (self._declared or self._tells_progress or cause.traceparent or cause.correlation_id):
            carry_over.cause.CopyFrom(cause)

    def _fact(self, stream: str, event_type: str, seq: int, data: bytes, fact_id: str | None = None) -> OutgoingFact:
        info = self._info
        fact = OutgoingFact(
            stream=stream,
            # Stable across retries, replays and Continue-As-New.
            id=fact_id or idempotency_key(info.workflow_id, info.first_execution_run_id, event_type, b"", str(seq)),
            type=event_type,
            partition_key=info.workflow_id,
            data=data,
            seq=seq,
            run_epoch=self._run_epoch,
            cause=current_cause(),
        )
        fact.time.FromDatetime(workflow.now())
        return fact

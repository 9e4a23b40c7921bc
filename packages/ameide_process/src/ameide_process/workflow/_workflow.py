"""The base of the generated workflow class, which is what Temporal knows."""

import sys
from collections.abc import Sequence
from typing import Any

from ameide_core_proto.process.v1.process_runtime_pb2 import DedupeAnswer, DedupeQuery, ProcessProgress
from google.protobuf.message import Message
from temporalio import workflow
from temporalio.common import RawValue

from ameide_process.contract import DEDUPE_QUERY, PROGRESS_QUERY, STATE_QUERY
from ameide_process.workflow._definition import ProcessDefinition
from ameide_process.workflow._engine import Engine
from ameide_process.workflow._process import Process


class ProcessWorkflow:
    """Signal and queries of every process. The generated subclass adds `__init__` and `run`.

    It hands everything to the engine.
    """

    def __init__(
        self, definition: ProcessDefinition, process: type[Process[Any, Any, Any]], argument: RawValue
    ) -> None:
        # The worker's sandbox shares the generated code and imports the impl anew for every run; its class is there.
        # determinism: ignore[computed-attribute, dynamic-import] -- the worker imported it before the run began
        self._engine = Engine(definition, getattr(sys.modules[process.__module__], process.__name__), argument)

    async def execute(self) -> Any:
        """Runs the process to its end, or into the next run."""
        return await self._engine.execute()

    @workflow.signal(dynamic=True)
    def receive_event(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Takes events: dynamic and raw, so that no event is ever refused by its type."""
        self._engine.receive(name, arguments)

    @workflow.query(name=STATE_QUERY)
    def current_state(self) -> Message:
        """Answers with the state message."""
        return self._engine.process.state

    @workflow.query(name=PROGRESS_QUERY)
    def progress(self) -> ProcessProgress:
        """Answers with phase, counts and recorded failures."""
        return self._engine.progress()

    @workflow.query(name=DEDUPE_QUERY)
    def dedupe(self, query: DedupeQuery) -> DedupeAnswer:
        """Answers which events were applied; on closed workflows too."""
        return self._engine.dedupe(query)

"""Reads the commands of replayed workflows, with the lines of the impl that gave them."""

import inspect
import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails

from ameide_process.replay._replayed_steps import IssuedCommand
from ameide_process.replay._stored_history import StoredHistory
from ameide_process.sandbox import ProcessRunner, workflow_runner
from ameide_process.worker_parts import WorkerParts

_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+), in ')
"""A frame in a stack trace as Python prints it."""


@dataclass
class CommandTrace:
    """What one replayed run did.

    Attributes:
        commands: Its commands, in order.
        waiting: Lines of the impl at which its coroutines waited after the last activation.
        error: Message of the error that failed its last workflow task; empty: none.
        error_line: Where that error came from.
        last_line: Line of the impl that ran last.
    """

    commands: list[IssuedCommand] = field(default_factory=list[IssuedCommand])
    waiting: list[str] = field(default_factory=list[str])
    error: str = ""
    error_line: str = ""
    last_line: str = ""


@dataclass(frozen=True)
class TracingRunner(ProcessRunner):
    """The sandbox of a process, which notes what the workflows in it do.

    Attributes:
        source: Folder of the impl, whose lines are looked for; None: no lines, which is faster.
        queues: Task queue of each run by its id; the Replayer names one of its own.
        traces: A trace for each run id.
    """

    source: Path | None = None
    queues: dict[str, str] = field(default_factory=dict[str, str])
    traces: dict[str, CommandTrace] = field(default_factory=dict[str, CommandTrace])

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Makes the instance of one run."""
        queue = self.queues.get(det.info.run_id)
        if queue is None:
            # What the Replayer makes at its start, to see that all imports.
            return super().create_instance(det)
        instance: Any = super().create_instance(replace(det, info=replace(det.info, task_queue=queue)))
        trace = self.traces.setdefault(det.info.run_id, CommandTrace())
        # An instance of the SDK's private type; its public method is the one place where commands come by.
        instance.activate = _traced(instance, trace, self.source)
        return instance


def tracing_runner(parts: WorkerParts, histories: list[StoredHistory], *, lines: bool) -> TracingRunner:
    """Makes the sandbox of a process for a replay.

    Args:
        parts: The process.
        histories: What will be replayed.
        lines: Whether to look for the lines of the impl.
    """
    base = workflow_runner(parts)
    return TracingRunner(
        restrictions=base.restrictions,
        impl=base.impl,
        source=source_folder(parts) if lines else None,
        queues={history.run_id: history.started.task_queue.name for history in histories},
    )


def source_folder(parts: WorkerParts) -> Path:
    """The folder of the impl's top-level package; of its module where that stands alone."""
    module = parts.process.__module__
    folder = Path(sys.modules[module].__file__ or "").resolve().parent
    depth = module.count(".") - 1
    return folder if depth < 1 else folder.parents[depth - 1]


def _traced(
    instance: Any, trace: CommandTrace, source: Path | None
) -> Callable[[WorkflowActivation], WorkflowActivationCompletion]:
    activate = instance.activate

    def activate_and_note(activation: WorkflowActivation) -> WorkflowActivationCompletion:
        if any(job.HasField("remove_from_cache") for job in activation.jobs):
            return activate(activation)
        if source is None:
            completion = activate(activation)
            lines: list[str] = []
        else:
            # The workflow inside of the sandbox; there is no public way to it.
            workflow = instance.globals_and_locals["__temporal_in_sandbox"].instance
            with _noting_lines(workflow, trace, source) as lines:
                completion = activate(activation)
            trace.waiting = sorted({line for task in workflow._tasks if (line := _waiting_line(task, source))})  # noqa: SLF001
        given = completion.successful.commands
        known = lines if len(lines) == len(given) else [""] * len(given)
        trace.commands += [
            IssuedCommand(command, activation.history_length, line) for command, line in zip(given, known, strict=True)
        ]
        failure = completion.failed.failure
        trace.error = failure.message
        trace.error_line = _traced_line(failure.stack_trace, source) if source else ""
        return completion

    return activate_and_note


@contextmanager
def _noting_lines(workflow: Any, trace: CommandTrace, source: Path) -> Generator[list[str]]:
    """Notes for each command the innermost line of the impl, or the one that ran last where none is on the stack."""
    lines: list[str] = []
    inside: dict[CodeType, bool] = {}

    def is_impl(code: CodeType) -> bool:
        if code not in inside:
            inside[code] = Path(code.co_filename).is_relative_to(source)
        return inside[code]

    def follow(frame: FrameType, _event: str, _argument: Any) -> Any:
        # Conditions of `until` are evaluated at any time and lead nowhere.
        return remember if is_impl(frame.f_code) and frame.f_code.co_name != "<lambda>" else None

    def remember(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            trace.last_line = _line(frame)
        return remember

    add_command: Callable[[], Any] = workflow._add_command  # noqa: SLF001 -- every command is made there

    def add_and_note() -> Any:
        frame = inspect.currentframe()
        while frame is not None and not is_impl(frame.f_code):
            frame = frame.f_back
        lines.append(_line(frame) if frame is not None else trace.last_line)
        return add_command()

    workflow._add_command = add_and_note  # noqa: SLF001
    before = sys.gettrace()
    sys.settrace(follow)
    try:
        yield lines
    finally:
        sys.settrace(before)
        del workflow._add_command  # noqa: SLF001


def _waiting_line(task: Any, source: Path) -> str:
    """The innermost line of the impl at which a coroutine waits; empty where it is not the impl's."""
    line = ""
    awaited = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None and Path(frame.f_code.co_filename).is_relative_to(source):
            line = _line(frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return line


def _traced_line(stack_trace: str, source: Path) -> str:
    """The innermost line of the impl in a printed stack trace."""
    lines = [f"{short(each['file'])}:{each['line']}" for each in _FRAME.finditer(stack_trace)
             if Path(each["file"]).is_relative_to(source)]  # fmt: skip
    return lines[-1] if lines else ""


def _line(frame: FrameType) -> str:
    return f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"


def short(path: str | Path) -> str:
    """The path from the working directory, where it lies below it."""
    file, here = Path(path), Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)

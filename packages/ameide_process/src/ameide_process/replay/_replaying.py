"""Replays stored histories on Temporal's Replayer, as the worker would, and says what became of each."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from ameide_process.converter import DATA_CONVERTER
from ameide_process.replay._command_trace import CommandTrace, tracing_runner
from ameide_process.replay._comparison import Difference, Divergence, differences, first_divergence
from ameide_process.replay._recorded_steps import recorded_steps
from ameide_process.replay._replayed_steps import IssuedCommand, ReplayedStep, replayed_steps
from ameide_process.replay._steps import RunDefaults
from ameide_process.replay._stored_history import StoredHistory
from ameide_process.worker_parts import WorkerParts

_CORE_MESSAGE = re.compile(r'message: "(?P<message>(?:[^"\\]|\\.)*)"')
"""The sentence within the dump of a failure that core makes its error of."""


@dataclass(frozen=True)
class Outcome:
    """What became of one history in one replay.

    Attributes:
        history: Name of its file.
        refusal: Why the code cannot go on with such a run; empty: it can.
        differences: What it does otherwise all the same; nobody may say so by chance.
    """

    history: str
    refusal: str
    differences: tuple[Difference, ...]


async def replay_stored(parts: WorkerParts, histories: Sequence[StoredHistory]) -> list[Outcome]:
    """Replays histories with the code as it is.

    Args:
        parts: The process.
        histories: Of closed runs of it.

    Returns:
        An outcome for each, in the same order.
    """
    outcomes = await _replay(parts, list(histories), lines=False)
    suspects = [position for position, outcome in enumerate(outcomes) if outcome.refusal or outcome.differences]
    # Lines are looked for once it is known that somebody will read them: that makes the replay slower, and core's
    # deadlock detector gives a workflow task two seconds.
    explained = await _replay(parts, [histories[position] for position in suspects], lines=True)
    for position, outcome in zip(suspects, explained, strict=True):
        outcomes[position] = outcome
    return outcomes


async def _replay(parts: WorkerParts, histories: list[StoredHistory], *, lines: bool) -> list[Outcome]:
    if not histories:
        return []
    runner = tracing_runner(parts, histories, lines=lines)
    replayer = Replayer(
        workflows=[parts.workflow],
        workflow_runner=runner,
        data_converter=DATA_CONVERTER,
        # Without one the SDK compiles every module that is loaded, which takes a second.
        build_id="replay",
    )

    async def each() -> AsyncGenerator[WorkflowHistory]:
        for history in histories:
            yield WorkflowHistory(history.workflow_id, history.events)

    async with replayer.workflow_replay_iterator(each()) as results:
        failures = [result.replay_failure async for result in results]
    return [
        _outcome(parts, history, failure, runner.traces.get(history.run_id, CommandTrace()))
        for history, failure in zip(histories, failures, strict=True)
    ]


def _outcome(parts: WorkerParts, history: StoredHistory, failure: BaseException | None, trace: CommandTrace) -> Outcome:
    run = RunDefaults.of(history.started, parts.definition.state_type)
    recorded = recorded_steps(history.events, run)
    replayed = replayed_steps(_recorded_tasks(history, trace.commands), run)
    if failure is None:
        return Outcome(history.path.name, "", tuple(differences(recorded, replayed)))
    if trace.error:
        place = f" at {trace.error_line}" if trace.error_line else ""
        return Outcome(history.path.name, f"a workflow task failed{place}: {trace.error}", ())
    return Outcome(history.path.name, _refusal(first_divergence(recorded, replayed), trace, failure), ())


def _recorded_tasks(history: StoredHistory, commands: Sequence[IssuedCommand]) -> list[IssuedCommand]:
    """The commands of workflow tasks that the history has as completed.

    A run that was ended from outside may have had one task more, whose commands nobody recorded.
    """
    completed = max(
        (event.event_id for event in history.events if event.HasField("workflow_task_completed_event_attributes")),
        default=0,
    )
    return [issued for issued in commands if issued.history_length < completed]


def _refusal(divergence: Divergence | None, trace: CommandTrace, failure: BaseException) -> str:
    said = _CORE_MESSAGE.search(str(failure))
    core = said["message"] if said else str(failure) or type(failure).__name__
    if divergence is None:
        return f"nondeterminism: Temporal says: {core}"
    event = divergence.recorded
    there = f"event {event.event_id} {event.event_type} is {event.step}" if event else "the history ends"
    return f"nondeterminism: {there}; the code {_instead(divergence.replayed, trace)}\n  Temporal says: {core}"


def _instead(step: ReplayedStep | None, trace: CommandTrace) -> str:
    if step is not None:
        return f"comes to {step.step}{f' at {step.line}' if step.line else ''}"
    return f"waits at {', '.join(trace.waiting)}" if trace.waiting else "does nothing more"

"""Compares the steps of a replay with those of its history. Pure: no Temporal runs here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from ameide_process.replay._readable_payload import Leaf
from ameide_process.replay._recorded_steps import RecordedStep
from ameide_process.replay._replayed_steps import ReplayedStep
from ameide_process.replay._steps import Step, StepKind

_UNCOMPARED = (StepKind.ACTIVITY_CANCELLATION, StepKind.TIMER_CANCELLATION, StepKind.EXTERNAL_CANCELLATION)
"""They say nothing, and core drops those that come too late, so only it knows which reach the server."""


@dataclass(frozen=True)
class Difference:
    """A command differs from its event, and the replay went on all the same.

    Attributes:
        event: Id of the event; 0: there is none.
        event_type: Type of the event: `ActivityTaskScheduled`.
        step: What was done: `activity 'Orders.Refund'`.
        path: What differs: `argument 1: reason`; empty: the step as a whole.
        recorded: What the history has; None: nothing.
        replayed: What the code does now; None: nothing.
        line: `file:line` of the impl; no part of what is compared.
    """

    event: int
    event_type: str
    step: str
    path: str
    recorded: Leaf
    replayed: Leaf
    line: str = field(default="", compare=False)


@dataclass(frozen=True)
class Divergence:
    """Where a replay leaves the path of its history: the first step that is another."""

    recorded: RecordedStep | None
    replayed: ReplayedStep | None


def differences(recorded: Sequence[RecordedStep], replayed: Sequence[ReplayedStep]) -> list[Difference]:
    """What the commands of a replay that Temporal accepts say otherwise than the events.

    Steps are paired within their kind, since core has found their order to be the same.
    """
    found: list[Difference] = []
    for kind in StepKind:
        if kind in _UNCOMPARED:
            continue
        events = [each for each in recorded if each.step.kind is kind]
        commands = [each for each in replayed if each.step.kind is kind]
        for event, command in zip_longest(events, commands):
            found += _step_differences(event, command)
    return sorted(found, key=lambda difference: difference.event)


def first_divergence(recorded: Sequence[RecordedStep], replayed: Sequence[ReplayedStep]) -> Divergence | None:
    """Where the path of a replay that Temporal refuses leaves that of the history."""
    for event, command in zip_longest(recorded, replayed):
        if event is None or command is None or _path(event.step) != _path(command.step):
            return Divergence(event, command)
    return None


def _path(step: Step) -> tuple[StepKind, str]:
    return step.kind, step.name


def _step_differences(event: RecordedStep | None, command: ReplayedStep | None) -> list[Difference]:
    if event is None:
        return [] if command is None else [Difference(0, "", str(command.step), "", None, "done", command.line)]
    if command is None:
        return [Difference(event.event_id, event.event_type, str(event.step), "", "done", None)]
    line = command.line
    if event.step.name != command.step.name:
        return [
            Difference(
                event.event_id, event.event_type, str(event.step), "name", event.step.name, command.step.name, line
            )
        ]
    before, now = event.step.values, command.step.values
    return [
        Difference(event.event_id, event.event_type, str(event.step), name, before.get(name), now.get(name), line)
        for name in sorted({*before, *now})
        if (name in before) != (name in now) or not _same(before.get(name), now.get(name))
    ]


def _same(one: Leaf, other: Leaf) -> bool:
    """Whether two values are the same; `True` and `1` are not, and a number is no text."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)

"""From workflows to hazards: which frames are reached, and by which calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ameide_determinism.analysis.frame import Edge, Frame, Hazard

_HANDLERS = frozenset({"signal", "update", "query", "validator"})
_READERS = frozenset({"query", "validator"})

Step = tuple[Frame, int]
"""A frame, and the line in it at which it leads on, or at which its hazard stands."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A hazard that a workflow comes to."""

    frame: Frame
    hazard: Hazard
    steps: tuple[Step, ...]


def reached(roots: Iterable[tuple[Frame, str]]) -> Iterator[Reached]:
    """The hazards that are reached, each by a shortest chain.

    Args:
        roots: Where workflows begin, each with its kind; `entity` is `run` of a process that continues as new.
    """
    by_kind: dict[str, list[Frame]] = {}
    for frame, kind in roots:
        by_kind.setdefault(kind, []).append(frame)
    walks = {kind: _walk(frames) for kind, frames in by_kind.items()}
    looped = {
        other for parents in walks.values() for frame in parents for other, edge in frame.edges.items() if edge.in_loop
    }
    for kind, parents in walks.items():
        for frame in parents:
            for hazard in frame.hazards.values():
                if _applies(hazard.condition, kind, looped=frame in looped):
                    yield Reached(frame, hazard, _steps(parents, frame, getattr(hazard.node, "lineno", frame.line)))


def _applies(condition: str, kind: str, *, looped: bool) -> bool:
    match condition:
        case "":
            return True
        case "query":
            return kind in _READERS
        case "handler":
            return kind in _HANDLERS
        case "loop":
            return looped
        case _:
            return condition == kind


def _walk(roots: Iterable[Frame]) -> dict[Frame, Step | None]:
    """Every frame that is reached, with the frame before it and the line there."""
    parents: dict[Frame, Step | None] = {}
    waiting: deque[Frame] = deque()
    for root in roots:
        if root not in parents:
            parents[root] = None
            waiting.append(root)
    while waiting:
        frame = waiting.popleft()
        for other, edge in sorted(frame.edges.items(), key=_place):
            if other not in parents:
                parents[other] = (frame, edge.line)
                waiting.append(other)
    return parents


def _place(pair: tuple[Frame, Edge]) -> tuple[int, str, str, int]:
    frame, edge = pair
    return edge.line, frame.title, str(frame.module.path), frame.line


def _steps(parents: Mapping[Frame, Step | None], frame: Frame, line: int) -> tuple[Step, ...]:
    steps: list[Step] = [(frame, line)]
    before = parents[frame]
    while before is not None:
        steps.append(before)
        before = parents[before[0]]
    return tuple(reversed(steps))

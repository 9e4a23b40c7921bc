"""Whether two processes could make the same workflow id.

Ids are unique in a Temporal namespace, across all processes in it. A template is a pattern: its literals, and at each
placeholder one or more characters that escaped values have. Two patterns are followed side by side, character by
character, until both end (then that text is an id of both) or no step is left.
"""

from collections import deque
from collections.abc import Sequence

from protoc_gen_process.model import Literal, Segment
from protoc_gen_process.validate.id_template import ESCAPED_VALUE_CHARACTERS

_ANY = None
"""Pattern element: one or more characters that escaped values have."""

_SAMPLE = "x"
"""Stands for the characters of a value in a shown id."""

Pattern = tuple[str | None, ...]
"""One character an element, or `_ANY`."""


def pattern_of(segments: Sequence[Segment]) -> Pattern:
    """Returns the pattern of all ids that a template makes."""
    pattern: list[str | None] = []
    for segment in segments:
        pattern.extend(segment.text if isinstance(segment, Literal) else [_ANY])
    return tuple(pattern)


def shared_id(one: Pattern, other: Pattern) -> str | None:
    """Returns an id that both patterns take, the shortest; None where there is none."""
    start: tuple[int, int] = (0, 0)
    seen: set[tuple[int, int]] = {start}
    queue: deque[tuple[tuple[int, int], str]] = deque([(start, "")])
    while queue:
        (i, j), text = queue.popleft()
        if i == len(one) and j == len(other):
            return text
        if i == len(one) or j == len(other):
            continue
        character = _common(one[i], other[j])
        if character is None:
            continue
        for state in _after(one, i, other, j):
            if state not in seen:
                seen.add(state)
                queue.append((state, text + character))
    return None


def _common(one: str | None, other: str | None) -> str | None:
    """Returns a character that both elements take."""
    if one is _ANY and other is _ANY:
        return _SAMPLE
    if one is _ANY or other is _ANY:
        literal = one or other
        return literal if literal in ESCAPED_VALUE_CHARACTERS else None
    return one if one == other else None


def _after(one: Pattern, i: int, other: Pattern, j: int) -> list[tuple[int, int]]:
    """Returns where both patterns can stand after one character: past an element, or still at a value."""
    steps_i = (i + 1, i) if one[i] is _ANY else (i + 1,)
    steps_j = (j + 1, j) if other[j] is _ANY else (j + 1,)
    return [(a, b) for a in steps_i for b in steps_j]

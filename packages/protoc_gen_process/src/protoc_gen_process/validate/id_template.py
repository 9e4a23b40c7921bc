"""The language of workflow id templates: literal text and placeholders, and what makes ids unique.

Pure text; what a placeholder may name is decided in `validate.workflow_id`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protoc_gen_process.model import Literal, Placeholder, Segment

ESCAPED_VALUE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-%")
"""All that a value in an id is made of: what the runtime percent-encodes values to."""


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text of a template."""

    text: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder of a template, by what stands between its braces."""

    name: str


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """A brace without its partner."""

    position: int
    """Characters before it."""
    brace: str


def split(template: str) -> list[Text | Hole] | Unbalanced:
    """Splits a template into literal text and placeholders, none of the texts empty."""
    parts: list[Text | Hole] = []
    position = 0
    while position < len(template):
        opening = template.find("{", position)
        text = template[position:] if opening < 0 else template[position:opening]
        if "}" in text:
            return Unbalanced(position + text.index("}"), "}")
        if text:
            parts.append(Text(text))
        if opening < 0:
            break
        closing = template.find("}", opening)
        reopened = template.find("{", opening + 1, closing if closing >= 0 else len(template))
        if closing < 0 or reopened >= 0:
            return Unbalanced(opening, "{")
        parts.append(Hole(template[opening + 1 : closing]))
        position = closing + 1
    return parts


def merge(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """Joins adjacent literals."""
    merged: list[Segment] = []
    for segment in segments:
        last = merged[-1] if merged else None
        if isinstance(segment, Literal) and isinstance(last, Literal):
            merged[-1] = Literal(last.text + segment.text)
        else:
            merged.append(segment)
    return tuple(merged)


def unseparated(segments: Sequence[Segment]) -> tuple[Placeholder, Placeholder] | None:
    """Returns two neighbouring values that no separator keeps apart, None where there are none.

    A separator is a character that no escaped value has. With one between each two values, the first such character
    after the beginning of a value tells where the value ends, so each id can be read back in one way only. Without,
    `("a", "bc")` and `("ab", "c")` give the same id.

    Args:
        segments: Merged segments.
    """
    last: Placeholder | None = None
    separated = True
    for segment in segments:
        if isinstance(segment, Literal):
            separated = separated or not ESCAPED_VALUE_CHARACTERS.issuperset(segment.text)
            continue
        if last is not None and not separated:
            return last, segment
        last, separated = segment, False
    return None

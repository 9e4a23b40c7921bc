"""Different keys never give the same id, and templates that could not hold that are refused."""

from itertools import combinations
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from protoc_gen_process.model import Literal, Placeholder, Segment
from protoc_gen_process.proto_types import FieldPath, ScalarKind
from protoc_gen_process.validate.id_overlap import pattern_of, shared_id
from protoc_gen_process.validate.id_template import (
    ESCAPED_VALUE_CHARACTERS,
    Hole,
    Text,
    Unbalanced,
    merge,
    split,
    unseparated,
)


def _placeholder(name: str) -> Placeholder:
    return Placeholder(FieldPath((name,), ScalarKind.STRING, None, False))


def _id(segments: tuple[Segment, ...], values: tuple[str, ...]) -> str:
    remaining = iter(values)
    return "".join(
        segment.text if isinstance(segment, Literal) else quote(next(remaining), safe="") for segment in segments
    )


literals = st.text(st.sampled_from("ab-.%/:@"), min_size=1, max_size=4).map(Literal)
segments = st.lists(st.one_of(literals, st.just(_placeholder("v"))), min_size=1, max_size=8).map(merge)
values = st.text(st.sampled_from("ab-/%é"), min_size=1, max_size=4)


@given(st.text(st.sampled_from("ab{}/."), max_size=20))
def test_a_split_template_joins_to_itself(template: str) -> None:
    parts = split(template)
    if isinstance(parts, Unbalanced):
        assert template[parts.position] == parts.brace
        return
    assert "".join(part.text if isinstance(part, Text) else f"{{{part.name}}}" for part in parts) == template
    assert all(part.text for part in parts if isinstance(part, Text))


@pytest.mark.parametrize(
    ("template", "position", "brace"),
    [("{a", 0, "{"), ("a}", 1, "}"), ("{a{b}}", 0, "{"), ("{{a}}", 0, "{"), ("{a}}", 3, "}"), ("x{a}{", 4, "{")],
)
def test_a_brace_without_its_partner_is_found(template: str, position: int, brace: str) -> None:
    assert split(template) == Unbalanced(position, brace)


def test_holes_hold_what_is_between_the_braces() -> None:
    assert split("{a.b}/{}") == [Hole("a.b"), Text("/"), Hole("")]


def test_what_the_runtime_leaves_unescaped_is_what_separators_are_not() -> None:
    printable = {chr(code) for code in range(33, 127)}
    assert {one for one in printable if quote(one, safe="") == one} | {"%"} == ESCAPED_VALUE_CHARACTERS


@given(segments, st.data())
def test_a_separated_template_gives_different_keys_different_ids(
    segments: tuple[Segment, ...], data: st.DataObject
) -> None:
    assume(unseparated(segments) is None)
    count = sum(isinstance(segment, Placeholder) for segment in segments)
    keys = st.tuples(*[values] * count)
    one, other = data.draw(keys), data.draw(keys)
    assert (_id(segments, one) == _id(segments, other)) is (one == other)


def test_a_template_without_a_separator_is_found() -> None:
    one, other = _placeholder("a"), _placeholder("b")
    assert unseparated((one, Literal("-"), other)) == (one, other)
    assert unseparated((one, other)) == (one, other)
    assert unseparated((one, Literal("-/-"), other)) is None
    assert unseparated((Literal("x"), one)) is None


@given(segments, segments, st.data())
def test_ids_that_two_templates_share_are_found(
    one: tuple[Segment, ...], other: tuple[Segment, ...], data: st.DataObject
) -> None:
    ids: list[str] = []
    for template in (one, other):
        count = sum(isinstance(segment, Placeholder) for segment in template)
        ids.append(_id(template, data.draw(st.tuples(*[values] * count))))
    shared = shared_id(pattern_of(one), pattern_of(other))
    if ids[0] == ids[1]:
        assert shared is not None
    if shared is not None:
        assert all(_takes(template, shared) for template in (one, other))


def _takes(segments: tuple[Segment, ...], text: str) -> bool:
    """Whether a template can make a text: the plain, slow way."""
    if not segments:
        return not text
    first, *rest = segments
    if isinstance(first, Literal):
        return text.startswith(first.text) and _takes(tuple(rest), text[len(first.text) :])
    lengths = range(1, len(text) + 1)
    return any(
        ESCAPED_VALUE_CHARACTERS.issuperset(text[:length]) and _takes(tuple(rest), text[length:]) for length in lengths
    )


def test_templates_that_begin_differently_share_no_id() -> None:
    templates = [(Literal(f"{name}/"), _placeholder("k")) for name in ("orders", "orders-x", "returns")]
    assert not any(shared_id(pattern_of(a), pattern_of(b)) for a, b in combinations(templates, 2))

"""Which subjects fall under which pattern: held to a plain model of what NATS does."""

from itertools import product

from ameide_process.configuration._nats_subjects import subject_covers, subjects_overlap
from hypothesis import given
from hypothesis import strategies as st

tokens = st.sampled_from(["a", "b"])
subjects = st.lists(tokens, min_size=1, max_size=4).map(".".join)
patterns = st.tuples(st.lists(st.one_of(tokens, st.just("*")), max_size=3), st.sampled_from(["a", "*", ">"])).map(
    lambda parts: ".".join([*parts[0], parts[1]])
)


def matches(pattern: str, subject: str) -> bool:
    """As NATS does it."""
    wanted, found = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        if len(found) < len(wanted):
            return False
        wanted, found = wanted[:-1], found[: len(wanted) - 1]
    return len(wanted) == len(found) and all(each in {"*", token} for each, token in zip(wanted, found, strict=True))


@given(pattern=patterns, subject=subjects)
def test_a_subject_falls_under_a_pattern_as_with_nats(pattern: str, subject: str):
    assert subjects_overlap(pattern, subject) == subjects_overlap(subject, pattern) == matches(pattern, subject)


ALL_SUBJECTS = [".".join(each) for length in range(1, 6) for each in product(["a", "b"], repeat=length)]


@given(one=patterns, other=patterns)
def test_patterns_overlap_where_a_subject_falls_under_both(one: str, other: str):
    assert subjects_overlap(one, other) == any(matches(one, each) and matches(other, each) for each in ALL_SUBJECTS)


@given(one=patterns, other=patterns)
def test_a_pattern_covers_another_whose_subjects_all_fall_under_it(one: str, other: str):
    assert subject_covers(one, other) == all(matches(one, each) for each in ALL_SUBJECTS if matches(other, each))

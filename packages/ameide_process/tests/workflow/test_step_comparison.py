"""Equal steps give no difference; each value that differs gives one; the first other step is where paths part."""

from ameide_process.replay._comparison import differences, first_divergence
from ameide_process.replay._readable_payload import Leaf
from ameide_process.replay._recorded_steps import RecordedStep
from ameide_process.replay._replayed_steps import ReplayedStep
from ameide_process.replay._steps import Step, StepKind
from hypothesis import given
from hypothesis import strategies as st

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.dictionaries(st.text(min_size=1, max_size=5), LEAVES, max_size=5)
COMPARED = [kind for kind in StepKind if "cancellation" not in kind.value]
STEPS = st.lists(st.builds(Step, st.sampled_from(COMPARED), st.sampled_from(["a", "b"]), VALUES), max_size=6)


def _recorded(steps: list[Step]) -> list[RecordedStep]:
    return [RecordedStep(number, "Event", step) for number, step in enumerate(steps, start=1)]


def _replayed(steps: list[Step]) -> list[ReplayedStep]:
    return [ReplayedStep(step, f"impl.py:{number}") for number, step in enumerate(steps, start=1)]


@given(STEPS)
def test_equal_steps_differ_in_nothing(steps: list[Step]) -> None:
    assert differences(_recorded(steps), _replayed(steps)) == []
    assert first_divergence(_recorded(steps), _replayed(steps)) is None


@given(STEPS.filter(bool), st.data())
def test_one_changed_value_is_one_difference_with_its_event_and_line(steps: list[Step], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(steps) - 1))
    step = steps[position]
    values: dict[str, Leaf] = {**step.values, "added": "value"}
    changed = [*steps[:position], Step(step.kind, step.name, values), *steps[position + 1 :]]
    (difference,) = differences(_recorded(steps), _replayed(changed))
    assert (difference.event, difference.line) == (position + 1, f"impl.py:{position + 1}")
    assert (difference.path, difference.recorded, difference.replayed) == ("added", None, "value")


@given(STEPS, STEPS)
def test_paths_part_at_the_first_other_step(common: list[Step], rest: list[Step]) -> None:
    other = Step(StepKind.TIMER, "other")
    divergence = first_divergence(_recorded([*common, *rest]), _replayed([*common, other]))
    assert divergence is not None
    assert divergence.replayed == ReplayedStep(other, f"impl.py:{len(common) + 1}")
    if rest:
        assert divergence.recorded is not None
        assert divergence.recorded.event_id == len(common) + 1


@given(STEPS.filter(bool))
def test_a_step_too_few_or_too_many_is_told(steps: list[Step]) -> None:
    (gone,) = differences(_recorded(steps), _replayed(steps[:-1]))[-1:]
    assert (gone.path, gone.replayed) == ("", None)
    (extra,) = differences(_recorded(steps[:-1]), _replayed(steps))[:1]
    assert extra.event == 0 or extra.path


def test_true_is_not_one() -> None:
    before, now = Step(StepKind.MEMO, values={"flag": True}), Step(StepKind.MEMO, values={"flag": 1})
    assert len(differences(_recorded([before]), _replayed([now]))) == 1

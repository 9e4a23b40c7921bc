"""Ways to deliver the events of one workflow, some of them more than once."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

REPEATED_CASES = 3
"""Events of a case that another event of the same delivery has too."""

REDELIVERED_AT_ONCE = 2
"""Earlier events that come again behind each event."""

EXAMPLES = 8
"""Each is two workflows, some 100 ms each."""

redelivery_settings = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    # A smaller example would take minutes to find; the error says the steps.
    phases=(Phase.explicit, Phase.generate),
    # One server for all examples; each has workflows of its own.
    suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
)
"""For tests that take a `Delivery` by hypothesis."""


@dataclass(frozen=True)
class Step:
    """One signal, after which the process comes to rest."""

    events: tuple[int, ...]
    """Positions in `Delivery.cases`."""
    continue_as_new: bool = False
    """Whether the workflow then continues as new."""


@dataclass(frozen=True)
class Delivery:
    """Distinct events, and the signals in which they come, some of them again.

    Attributes:
        cases: Position of the payload type of each distinct event.
        steps: What is delivered; a position that came before is a redelivery.
    """

    cases: tuple[int, ...]
    steps: tuple[Step, ...]

    def once(self) -> "Delivery":
        """The same without redeliveries."""
        seen: set[int] = set()
        steps: list[Step] = []
        for step in self.steps:
            first = tuple(dict.fromkeys(event for event in step.events if event not in seen))
            seen.update(first)
            if first or step.continue_as_new:
                steps.append(Step(first, step.continue_as_new))
        return Delivery(self.cases, tuple(steps))


def twice(case: int) -> Delivery:
    """One event of a case: twice in one signal, and once more in another."""
    return Delivery((case,), (Step((0, 0)), Step((0,))))


def across_runs(cases: Sequence[int]) -> Delivery:
    """Events delivered twice in the first run, and all of them again in the two runs after it."""
    forwards, backwards = tuple(range(len(cases))), tuple(reversed(range(len(cases))))
    first = [Step((event, event)) for event in forwards]
    first[-1] = Step(first[-1].events, continue_as_new=True)
    return Delivery(
        tuple(cases), (*first, Step(backwards), Step(forwards, continue_as_new=True), Step(backwards), Step(forwards))
    )


@st.composite
def deliveries(draw: st.DrawFn, cases: int, *, one_key: bool) -> Delivery:
    """Draws deliveries that hold every payload case and redeliver every event.

    Args:
        draw: Given by hypothesis.
        cases: Number of payload cases.
        one_key: Whether all events have one idempotency key, so that there is one event of each case.
    """
    numbers = list(range(cases))
    if not one_key:
        numbers += draw(st.lists(st.integers(0, cases - 1), min_size=1, max_size=REPEATED_CASES))
    order = tuple(draw(st.permutations(numbers)))
    steps: list[Step] = []
    signal: list[int] = []
    for event in range(len(order)):
        signal.append(event)
        signal += draw(st.lists(st.integers(0, event), max_size=REDELIVERED_AT_ONCE))
        if draw(st.booleans()):
            steps.append(Step(tuple(signal)))
            signal = []
    again = [Step(tuple(reversed(range(len(order))))), Step(tuple(draw(st.permutations(range(len(order))))))]
    return Delivery(order, (*steps, *([Step(tuple(signal))] if signal else []), *again))

"""Proves that a process makes the same of events that come more than once as of events that come once."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, cast
from unittest import SkipTest

from ameide_core_proto.process.v1.process_runtime_pb2 import OutgoingFact
from google.protobuf.message import Message

from ameide_process.contract import WorkflowKind
from ameide_process.routing import to_payload
from ameide_process.testing._activity_recorder import RecordedCall
from ameide_process.testing._process_harness import KeyT, PayloadT, ProcessHarness, ResultT, StateT
from ameide_process.testing._redelivery_plans import Delivery, Step, across_runs
from ameide_process.testing._sample_message import sample
from ameide_process.testing._state_differences import Fields, covers, differing, fields_of
from ameide_process.testing._workflow_under_test import WorkflowUnderTest

ATTEMPTS = 2
"""Comparisons that must fail before the process is called wrong: activities may end in another order."""

SIGNAL_BYTES = 256 * 1024
"""Of events in one signal, as the ingress batches them."""


@dataclass(frozen=True)
class Outcome:
    """What a process made of a delivery."""

    state: Fields
    effects: Counter[str]
    """Distinct calls by activity and facts by type: calls with one idempotency key, and facts with one id, are one."""
    ends: tuple[int, int, int]
    """Events applied, failed, rejected."""
    steps: int
    """Steps after which the workflow had ended, or all."""


class Redelivery(Generic[KeyT, PayloadT, StateT, ResultT]):
    """Compares deliveries of a process under test, each to a workflow of its own.

    Redelivery changes nothing but the count of duplicates. What differs between two single deliveries, such as points
    in time, is not compared.

    Args:
        process: The process under test.
        key: The workflow key in all events.
    """

    def __init__(self, process: ProcessHarness[KeyT, PayloadT, StateT, ResultT], key: KeyT) -> None:
        self._process = process
        self._key = key
        self._unstable: frozenset[str] = frozenset()

    async def changes_nothing(self, delivery: Delivery) -> None:
        """Checks that a delivery has the state and the effects of its events delivered once.

        Raises:
            AssertionError: It has not.
        """
        found = ""
        for _ in range(ATTEMPTS):
            once = await self._deliver(delivery.once())
            again = await self._deliver(delivery)
            found = self._difference(once, again)
            if not found:
                return
            # What differs between two single deliveries too is no matter of redelivery.
            other = await self._deliver(delivery.once())
            self._unstable |= differing(once.state, other.state)
            found = self._difference(once, again)
            if not found:
                return
        cases = [self._process.contract.cases[case].name for case in delivery.cases]
        signals = " | ".join(" ".join(map(str, step.events)) for step in delivery.steps)
        msg = f"redelivery changes the outcome: {found}; events {dict(enumerate(cases))}, signals {signals}"
        raise AssertionError(msg)

    async def changes_nothing_across_runs(self) -> None:
        """Checks the same for events that come before and after Continue-As-New, over three runs."""
        cases = await self._lasting_cases()
        if not cases:
            raise SkipTest("every event ends the process, so it never continues as new")
        await self.changes_nothing(across_runs(cases))

    async def is_known_at_the_edge_of_the_window(self) -> None:
        """Checks that an event is known as long as the dedupe window says, and that redelivery then changes nothing."""
        case = await self._quiet_case()
        if case is None:
            raise SkipTest("every event ends the process or calls an activity, so a window cannot be filled")
        window = self._process.contract.dedupe_window
        workflow = self._workflow()
        events = [self._event(case, number) for number in range(window)]
        for signal in _signals(events):
            await workflow.send_events(*signal)
        _require(await workflow.settled(window), "the process ended while its dedupe window was filled")
        state = await workflow.state()
        await workflow.send_events(events[0])
        await workflow.settled(window + 1)
        counts = (await workflow.progress()).counts
        _require(counts.duplicates == 1, f"the first event of {window} is forgotten, so it was applied again")
        _require(await workflow.state() == state, "a dropped event changed the state")

    def _difference(self, once: Outcome, again: Outcome) -> str:
        """Says how two outcomes differ; empty when they do not."""
        paths = [path for path in sorted(differing(once.state, again.state)) if not covers(self._unstable, path)]
        if paths:
            shown = ", ".join(
                f"{path} is {again.state.get(path)!r}, not {once.state.get(path)!r}" for path in paths[:3]
            )
            return f"in the state, {shown}"
        if once.effects != again.effects:
            return f"effects are {dict(again.effects)}, not {dict(once.effects)}"
        if (once.ends, once.steps) != (again.ends, again.steps):
            return f"events applied, failed, rejected are {again.ends}, not {once.ends}"
        return ""

    async def _deliver(self, delivery: Delivery) -> Outcome:
        """Delivers to a new workflow, step by step, until it ends."""
        workflow = self._workflow()
        calls = self._process.activities.calls
        facts = self._process.facts
        first_call, first_fact = len(calls), len(facts)

        def effects() -> Counter[str]:
            return _effects(calls[first_call:], facts[first_fact:])

        progressed = delivered = runs = 0
        seen: set[int] = set()
        for step in delivery.steps:
            new = not seen.issuperset(step.events)
            seen.update(step.events)
            progressed += new
            before = None if new or not step.events else (await workflow.state(), effects())
            if step.events:
                await workflow.send_events(*self._events(delivery, step))
            delivered += len(step.events)
            is_open = await workflow.settled(delivered)
            if before is not None:
                after = (await workflow.state(), effects())
                _require(after == before, f"redelivery alone made of {before} {after}")
            if not is_open:
                break
            if step.continue_as_new:
                runs += 1
                await workflow.continue_as_new()
                await workflow.continued(runs)
                await workflow.settled(delivered)
        counts = (await workflow.progress()).counts
        known = counts.duplicates == delivered - len(seen) or counts.late > 0
        _require(known, f"of {delivered - len(seen)} redelivered events {counts.duplicates} were dropped")
        return Outcome(
            state=fields_of(await workflow.state()),
            effects=effects(),
            ends=(counts.applied, counts.failed, counts.rejected),
            steps=progressed,
        )

    async def _lasting_cases(self) -> list[int]:
        """Cases, one event of each, that together do not end the process."""
        cases = list(range(len(self._process.payload_types)))
        while cases:
            steps = tuple(Step((event,)) for event in range(len(cases)))
            workflow = self._workflow()
            for number, step in enumerate(steps):
                await workflow.send_events(*self._events(Delivery(tuple(cases), steps), step))
                if not await workflow.settled(number + 1):
                    del cases[number]
                    break
            else:
                return cases
        return []

    async def _quiet_case(self) -> int | None:
        """A case that neither ends the process nor has effects."""
        for case in range(len(self._process.payload_types)):
            workflow = self._workflow()
            effects = len(self._process.activities.calls) + len(self._process.facts)
            for number in range(2):
                await workflow.send_events(self._event(case, number))
                if not await workflow.settled(number + 1):
                    break
            else:
                if len(self._process.activities.calls) + len(self._process.facts) == effects:
                    return case
        return None

    def _workflow(self) -> WorkflowUnderTest[PayloadT, StateT, ResultT]:
        return self._process.workflow(f"{self._process.contract.name}-{uuid.uuid4()}")

    def _events(self, delivery: Delivery, step: Step) -> list[Message]:
        return [self._event(delivery.cases[number], number) for number in step.events]

    def _event(self, case: int, number: int) -> Message:
        """The event of a number: its payload and, but for a TRANSACTION, its idempotency key are its own."""
        one_key = self._process.contract.kind is WorkflowKind.TRANSACTION
        payload_type = cast("type[Message]", self._process.payload_types[case])
        payload = cast("PayloadT", sample(payload_type, variant=number + 1))
        return self._process.event(self._key, payload, "request" if one_key else f"event-{number}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _effects(calls: Sequence[RecordedCall], facts: Sequence[OutgoingFact]) -> Counter[str]:
    _require(all(call.idempotency_key for call in calls), "an activity was called without an idempotency key")
    called = Counter(activity for activity, _ in {(call.activity, call.idempotency_key) for call in calls})
    return called + Counter(kind for kind, _ in {(fact.type, fact.id) for fact in facts})


def _signals(events: Sequence[Message]) -> list[Sequence[Message]]:
    at_once = max(1, SIGNAL_BYTES // max(len(to_payload(event).data) for event in events))
    return [events[first : first + at_once] for first in range(0, len(events), at_once)]

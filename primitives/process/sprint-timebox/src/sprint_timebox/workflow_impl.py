"""Sprint timebox: start, daily windows, a notice before the end, a report at the end."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC
from typing import final

from ameide_core_proto.sprints.timebox.v1.sprint_timebox_pb2 import (
    SPRINT_OUTCOME_CANCELLED,
    SPRINT_OUTCOME_COMPLETED,
    CancelSprint,
    CommitItem,
    Commitment,
    DropItem,
    ItemCompleted,
    NotifyDailyWindowOpenedRequest,
    NotifyEndingSoonRequest,
    NotifySprintStartedRequest,
    PlanSprint,
    PublishReportRequest,
    RescheduleSprint,
    SprintOutcome,
    SprintPlan,
    SprintReport,
)
from sprint_timebox_generated.workflow import EventMeta, Result, SprintTimeboxProcess, Start
from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from sprint_timebox.schedule_impl import Due, Step, next_due, next_window, problem_of

MAXIMUM_ITEMS = 1000
"""Items that a sprint can hold; its state travels in each Continue-As-New."""


@final
class SprintTimebox(SprintTimeboxProcess):
    """One sprint, from its first event to its report."""

    async def run(self, start: Start) -> Result:
        """Takes one step after the other; which one is next follows from the dates and from what is done."""
        try:
            await self.enter("awaiting-plan")
            await self.until(lambda: self.state.HasField("plan") or self.state.cancel_requested)
            while not self.state.cancel_requested:
                due = next_due(self.state)
                await self.enter("planned" if due.step is Step.START else self._running_phase())
                if await self._changes_before(due):
                    continue
                if due.step is Step.END:
                    return await self._end(SPRINT_OUTCOME_COMPLETED)
                await self._take(due.step)
            return await self._end(SPRINT_OUTCOME_CANCELLED, self.state.cancel_reason)
        except asyncio.CancelledError:
            if not self.state.ended:
                await self._end(SPRINT_OUTCOME_CANCELLED, "stopped by an operator")
            raise

    async def on_plan_sprint(self, command: PlanSprint, meta: EventMeta) -> None:
        """Takes the plan for the sprint's, until it starts."""
        self._refuse_when_over()
        if self.state.HasField("started_at"):
            raise _refused("the sprint has started; reschedule it to move its end")
        self._follow(command.plan)

    async def on_reschedule_sprint(self, command: RescheduleSprint, meta: EventMeta) -> None:
        """Moves the dates."""
        self._refuse_when_over()
        if not self.state.HasField("plan"):
            raise _refused("the sprint is not planned yet; plan it")
        if command.HasField("starts_at") and self.state.HasField("started_at"):
            raise _refused("the sprint has started; only its end can move")
        plan = SprintPlan()
        plan.CopyFrom(self.state.plan)
        if command.HasField("starts_at"):
            plan.starts_at.CopyFrom(command.starts_at)
        if command.HasField("ends_at"):
            plan.ends_at.CopyFrom(command.ends_at)
        self._follow(plan)

    async def on_commit_item(self, command: CommitItem, meta: EventMeta) -> None:
        """Adds an item, or changes its points."""
        self._refuse_when_scope_is_closed(command.item_id, scope_change=command.scope_change)
        commitment = self._commitment(command.item_id)
        if commitment is None:
            if len(self.state.commitments) >= MAXIMUM_ITEMS:
                raise _refused(f"the sprint holds {MAXIMUM_ITEMS} items; drop one first")
            commitment = self.state.commitments.add(item_id=command.item_id)
            commitment.added_later = self.state.HasField("started_at")
        commitment.points = command.points
        self._count_scope_change()

    async def on_drop_item(self, command: DropItem, meta: EventMeta) -> None:
        """Takes an item out."""
        self._refuse_when_scope_is_closed(command.item_id, scope_change=command.scope_change)
        commitment = self._commitment(command.item_id)
        if commitment is None:
            raise _refused(f"the team is not committed to item {command.item_id!r}")
        self.state.commitments.remove(commitment)
        self._count_scope_change()

    async def on_item_completed(self, fact: ItemCompleted, meta: EventMeta) -> None:
        """Remembers what is done, committed to or not: a commitment may come later."""
        if fact.item_id not in self.state.completed_item_ids:
            if len(self.state.completed_item_ids) >= MAXIMUM_ITEMS:
                raise _refused(f"the sprint remembers {MAXIMUM_ITEMS} completed items at most")
            self.state.completed_item_ids.append(fact.item_id)

    async def on_cancel_sprint(self, command: CancelSprint, meta: EventMeta) -> None:
        """Asks `run` to give the sprint up."""
        self._refuse_when_over()
        self.state.cancel_requested = True
        self.state.cancel_reason = command.reason or "no reason given"

    # --- steps ---------------------------------------------------------------------------------------------------

    async def _changes_before(self, due: Due) -> bool:
        """Waits for the time of a step. True: the dates changed or the sprint was cancelled, so look again."""
        revision = self.state.plan_revision
        return await self.until(
            lambda: self.state.cancel_requested or self.state.plan_revision != revision, deadline=due.at
        )

    async def _take(self, step: Step) -> None:
        if step is Step.START:
            self.state.started_at.FromDatetime(workflow.now())
            await self._tell(
                self.activities.notify_sprint_started(
                    NotifySprintStartedRequest(key=self.key, plan=self.state.plan, report=self._report())
                )
            )
        elif step is Step.OPEN_WINDOW:
            await self._open_window()
        elif step is Step.CLOSE_WINDOW:
            self.state.ClearField("window_closes_at")
        elif step is Step.ANNOUNCE_END:
            await self._announce_end()

    async def _open_window(self) -> None:
        """Opens the next window, or passes it by when it is closed already: the sprint was planned or resumed late."""
        window = next_window(self.state)
        if window is None:
            return
        self.state.last_window.FromDatetime(window.opens)
        if window.closes <= workflow.now():
            self.state.windows_missed += 1
            return
        self.state.windows_opened += 1
        self.state.window_closes_at.FromDatetime(window.closes)
        await self.enter("daily-window")
        request = NotifyDailyWindowOpenedRequest(key=self.key, team=self.state.plan.team, report=self._report())
        request.opens_at.FromDatetime(window.opens)
        request.closes_at.FromDatetime(window.closes)
        await self._tell(self.activities.notify_daily_window_opened(request))

    async def _announce_end(self) -> None:
        plan = self.state.plan
        self.state.ending_soon_of.CopyFrom(plan.ends_at)
        if workflow.now() < plan.ends_at.ToDatetime(UTC):
            await self._tell(
                self.activities.notify_ending_soon(
                    NotifyEndingSoonRequest(key=self.key, team=plan.team, ends_at=plan.ends_at, report=self._report())
                )
            )

    async def _tell(self, notice: Awaitable[object]) -> None:
        """Delivers a notice; the sprint goes on without one that cannot be delivered in its time."""
        try:
            await notice
        except ActivityError as error:
            self.state.undelivered_notices += 1
            workflow.logger.warning("a notice was not delivered: %s", error.cause or error)

    async def _end(self, outcome: SprintOutcome.ValueType, reason: str = "") -> Result:
        self.state.ended = True
        self.state.ClearField("window_closes_at")
        report = self._report()
        await self.enter("completed" if outcome == SPRINT_OUTCOME_COMPLETED else "cancelled")
        if self.state.HasField("plan"):
            await self.activities.publish_report(
                PublishReportRequest(
                    key=self.key, team=self.state.plan.team, outcome=outcome, report=report, reason=reason
                )
            )
        return Result(sprint_id=self.key.sprint_id, outcome=outcome, report=report, reason=reason)

    # --- what the state says -------------------------------------------------------------------------------------

    def _running_phase(self) -> str:
        return "daily-window" if self.state.HasField("window_closes_at") else "running"

    def _follow(self, plan: SprintPlan) -> None:
        problem = problem_of(plan)
        if problem is not None:
            raise _refused(problem)
        self.state.plan.CopyFrom(plan)
        self.state.plan_revision += 1

    def _refuse_when_over(self) -> None:
        if self.state.ended or self.state.cancel_requested:
            raise _refused("the sprint is over")

    def _refuse_when_scope_is_closed(self, item_id: str, *, scope_change: bool) -> None:
        self._refuse_when_over()
        if not item_id:
            raise _refused("no item is named; set item_id")
        if self.state.HasField("started_at") and not scope_change:
            raise _refused(f"the sprint has started; set scope_change if the team agreed to change item {item_id!r}")

    def _count_scope_change(self) -> None:
        if self.state.HasField("started_at"):
            self.state.scope_changes += 1

    def _commitment(self, item_id: str) -> Commitment | None:
        return next((each for each in self.state.commitments if each.item_id == item_id), None)

    def _report(self) -> SprintReport:
        state = self.state
        completed = frozenset(state.completed_item_ids)
        done = [each for each in state.commitments if each.item_id in completed]
        return SprintReport(
            committed_items=len(state.commitments),
            committed_points=sum(each.points for each in state.commitments),
            completed_items=len(done),
            completed_points=sum(each.points for each in done),
            open_item_ids=[each.item_id for each in state.commitments if each.item_id not in completed],
            scope_changes=state.scope_changes,
            windows_opened=state.windows_opened,
            windows_missed=state.windows_missed,
        )


def _refused(why: str) -> ApplicationError:
    """What a handler raises: the command changes nothing, `progress` shows why, and the sprint goes on."""
    return ApplicationError(why, type="Refused", non_retryable=True)

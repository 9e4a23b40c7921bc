"""Quote approval: ask one approver after the other, until one decides or the quote expires."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import final

from ameide_core_proto.quotes.approval.v1.quote_approval_pb2 import (
    QUOTE_OUTCOME_APPROVED,
    QUOTE_OUTCOME_EXPIRED,
    QUOTE_OUTCOME_INVALID,
    QUOTE_OUTCOME_REJECTED,
    QUOTE_OUTCOME_WITHDRAWN,
    ApproveQuote,
    AskApproverRequest,
    NotifyRequesterRequest,
    QuoteApprovalStartV1,
    QuoteOutcome,
    QuoteSettled,
    RecallApproverRequest,
    RejectQuote,
    SubmitQuote,
    WithdrawQuote,
)
from quote_approval_generated.workflow import EventMeta, QuoteApprovalProcess, Result, Start
from temporalio import workflow
from temporalio.exceptions import ActivityError

SUBMISSION_WINDOW = timedelta(hours=24)
"""A decision whose quote does not come for this long expires."""

DECISION_WINDOW = timedelta(hours=24)
"""An approver who has not decided for this long gets company: the next one is asked too."""

MAXIMUM_ESCALATIONS = 3
"""Escalations after which a quote that nobody decided on expires."""


@final
class QuoteApproval(QuoteApprovalProcess):
    """One request for approval, from its first message to its outcome."""

    async def run(self, start: Start) -> Result:
        """Comes to an outcome, tells the world, recalls who is still asked, tells the requester."""
        try:
            result = await self._outcome(start)
        except asyncio.CancelledError:
            await self._recall_approvers()
            raise
        # Runs that began before facts were emitted replay without.
        if workflow.patched("quote-settled"):
            self.emit(QuoteSettled(key=self.key, outcome=result.outcome, decided_by=result.decided_by))
        await self._recall_approvers(decided_by=result.decided_by)
        await self.enter("telling-requester")
        try:
            await self.activities.notify_requester(
                NotifyRequesterRequest(key=self.key, requester=self.state.quote.requester, result=result)
            )
        except ActivityError as error:
            # What was decided stands, whether the requester can be reached or not.
            workflow.logger.warning("the requester was not told: %s", error.cause or error)
        await self.enter(QuoteOutcome.Name(result.outcome).removeprefix("QUOTE_OUTCOME_").lower())
        return result

    async def on_submit_quote(self, command: SubmitQuote, meta: EventMeta) -> None:
        """Remembers the quote."""
        self.state.quote.CopyFrom(command)

    async def on_approve_quote(self, command: ApproveQuote, meta: EventMeta) -> None:
        """Remembers the decision."""
        self._decide(command.approver, approved=True, comment=command.comment)

    async def on_reject_quote(self, command: RejectQuote, meta: EventMeta) -> None:
        """Remembers the decision."""
        self._decide(command.approver, approved=False, comment=command.reason)

    async def on_withdraw_quote(self, command: WithdrawQuote, meta: EventMeta) -> None:
        """Takes the quote back, unless it is decided on."""
        if not self._is_settled():
            self.state.withdrawn = True
            self.state.withdraw_reason = command.reason or "no reason given"

    def _decide(self, approver: str, *, approved: bool, comment: str) -> None:
        """The first decision counts."""
        if not self._is_settled():
            self.state.decision.approver = approver
            self.state.decision.approved = approved
            self.state.decision.comment = comment

    def _is_settled(self) -> bool:
        return self.state.withdrawn or self.state.HasField("decision")

    # --- how it comes to an outcome ------------------------------------------------------------------------------

    async def _outcome(self, start: Start) -> Result:
        await self.enter("awaiting-quote")
        submitted = await self.until(
            lambda: self.state.HasField("quote") or self.state.withdrawn,
            deadline=workflow.now() + SUBMISSION_WINDOW,
        )
        if self.state.withdrawn:
            return self._result(QUOTE_OUTCOME_WITHDRAWN, reason=self.state.withdraw_reason)
        if not submitted:
            return self._result(QUOTE_OUTCOME_EXPIRED, reason="the quote was never submitted")
        problem = _problem_of(self.state.quote)
        if problem is not None:
            return self._result(QUOTE_OUTCOME_INVALID, reason=problem)
        if not self._is_settled() and not self._is_expired() and self._needs_no_approver(start):
            return self._result(QUOTE_OUTCOME_APPROVED, reason="below the threshold for approval")
        await self._ask_approvers()
        return self._decided()

    async def _ask_approvers(self) -> None:
        """Asks one approver after the other, each for as long as the one before has not decided."""
        for approver in self.state.quote.approvers[: MAXIMUM_ESCALATIONS + 1]:
            if self._is_settled() or self._is_expired():
                return
            due = self._decision_due()
            self.state.decision_due.FromDatetime(due)
            # Said before the call: who may have been asked by an unfinished attempt is recalled too.
            self.state.asked.append(approver)
            await self.enter("asking-approver")
            if await self._reached(approver):
                await self.enter("awaiting-decision")
                await self.until(self._is_settled, deadline=due)

    async def _reached(self, approver: str) -> bool:
        """Asks an approver; one who cannot be reached is passed over."""
        request = AskApproverRequest(
            key=self.key,
            approver=approver,
            requester=self.state.quote.requester,
            total=self.state.quote.total,
            due=self.state.decision_due,
        )
        try:
            await self.activities.ask_approver(request)
        except ActivityError as error:
            workflow.logger.warning("approver %s was not reached: %s", approver, error.cause or error)
            return False
        return True

    async def _recall_approvers(self, *, decided_by: str = "") -> None:
        """Tells everyone who was asked and did not decide that it is settled."""
        await self.enter("recalling-approvers")
        for approver in self.state.asked:
            if approver != decided_by:
                try:
                    await self.activities.recall_approver(RecallApproverRequest(key=self.key, approver=approver))
                except ActivityError as error:
                    workflow.logger.warning("approver %s was not recalled: %s", approver, error.cause or error)

    def _decided(self) -> Result:
        """What was decided, once nobody is asked any more."""
        if self.state.withdrawn:
            return self._result(QUOTE_OUTCOME_WITHDRAWN, reason=self.state.withdraw_reason)
        decision = self.state.decision
        if not self.state.HasField("decision"):
            why = "the offer has ended" if self._is_expired() else "nobody decided in time"
            return self._result(QUOTE_OUTCOME_EXPIRED, reason=why)
        if decision.approver not in self.state.quote.approvers:
            return self._result(
                QUOTE_OUTCOME_INVALID, reason=f"{decision.approver!r} decided and is no approver of this quote"
            )
        outcome = QUOTE_OUTCOME_APPROVED if decision.approved else QUOTE_OUTCOME_REJECTED
        return self._result(outcome, reason=decision.comment, decided_by=decision.approver)

    def _needs_no_approver(self, start: Start) -> bool:
        """Requests of the first start version know no threshold; those of the second may carry one."""
        if isinstance(start, QuoteApprovalStartV1) or not start.HasField("approval_threshold"):
            return False
        total, threshold = self.state.quote.total, start.approval_threshold
        return total.currency == threshold.currency and total.minor_units <= threshold.minor_units

    def _is_expired(self) -> bool:
        until = self._valid_until()
        return until is not None and until <= workflow.now()

    def _decision_due(self) -> datetime:
        until = self._valid_until()
        due = workflow.now() + DECISION_WINDOW
        return due if until is None else min(due, until)

    def _valid_until(self) -> datetime | None:
        quote = self.state.quote
        return quote.valid_until.ToDatetime(UTC) if quote.HasField("valid_until") else None

    def _result(self, outcome: QuoteOutcome.ValueType, *, reason: str, decided_by: str = "") -> Result:
        return Result(
            quote_id=self.key.quote_id,
            outcome=outcome,
            decided_by=decided_by,
            reason=reason,
            escalations=max(len(self.state.asked) - 1, 0),
        )


def _problem_of(quote: SubmitQuote) -> str | None:
    """Returns why nobody can decide on a quote; None when someone can."""
    if not quote.approvers or not all(quote.approvers):
        return "the quote names no approvers"
    if len(set(quote.approvers)) < len(quote.approvers):
        return "the quote names an approver twice"
    if not quote.total.currency or quote.total.minor_units <= 0:
        return "the quote has no total"
    return None

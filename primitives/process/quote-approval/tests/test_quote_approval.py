"""What the business expects of a request for approval."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from ameide_core_proto.quotes.approval.v1.quote_approval_pb2 import (
    QUOTE_OUTCOME_APPROVED,
    QUOTE_OUTCOME_EXPIRED,
    QUOTE_OUTCOME_INVALID,
    QUOTE_OUTCOME_REJECTED,
    QUOTE_OUTCOME_WITHDRAWN,
    ApproveQuote,
    AskApproverRequest,
    Money,
    NotifyRequesterRequest,
    QuoteApprovalStartV1,
    QuoteApprovalStartV2,
    QuoteKey,
    QuoteSettled,
    RecallApproverRequest,
    RejectQuote,
    SubmitQuote,
    WithdrawQuote,
)
from quote_approval_generated.router import ROUTER
from quote_approval_generated.testing import QuoteApprovalHarness, event
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

KEY = QuoteKey(tenant_id="acme", quote_id="q-1")
TOTAL = Money(currency="EUR", minor_units=1_200_00)
SUBMITTED = SubmitQuote(requester="rita", total=TOTAL, approvers=["ann", "bob", "cyd"])
APPROVED_BY_ANN = ApproveQuote(approver="ann", comment="fine")


def _submitted(*approvers: str, valid_until: datetime | None = None) -> SubmitQuote:
    command = SubmitQuote(requester="rita", total=TOTAL, approvers=approvers)
    if valid_until:
        command.valid_until.FromDatetime(valid_until)
    return command


def _asked(process: QuoteApprovalHarness) -> Sequence[str]:
    requests = process.activities.requests("ask_approver")
    return [each.approver for each in requests if isinstance(each, AskApproverRequest)]


def _recalled(process: QuoteApprovalHarness) -> Sequence[str]:
    requests = process.activities.requests("recall_approver")
    return [each.approver for each in requests if isinstance(each, RecallApproverRequest)]


async def test_an_approver_agrees(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await request.reached("awaiting-decision")
    await request.send(APPROVED_BY_ANN)
    result = await request.result()
    assert (result.quote_id, result.outcome, result.decided_by) == ("q-1", QUOTE_OUTCOME_APPROVED, "ann")
    assert (result.reason, result.escalations) == ("fine", 0)
    assert process.emitted(QuoteSettled) == [QuoteSettled(key=KEY, outcome=QUOTE_OUTCOME_APPROVED, decided_by="ann")]
    assert (_asked(process), _recalled(process)) == (["ann"], [])
    assert process.activities.requests("notify_requester") == [
        NotifyRequesterRequest(key=KEY, requester="rita", result=result)
    ]


async def test_an_approver_refuses(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await request.reached("awaiting-decision")
    await request.send(RejectQuote(approver="ann", reason="too cheap"))
    result = await request.result()
    assert (result.outcome, result.decided_by, result.reason) == (QUOTE_OUTCOME_REJECTED, "ann", "too cheap")


async def test_after_a_day_the_next_approver_is_asked(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await process.skip(hours=23)
    assert _asked(process) == ["ann"]
    await process.skip(hours=2)
    await process.activities.attempted("ask_approver", 2)
    assert _asked(process) == ["ann", "bob"]
    await request.send(ApproveQuote(approver="bob"))
    result = await request.result()
    assert (result.outcome, result.decided_by, result.escalations) == (QUOTE_OUTCOME_APPROVED, "bob", 1)
    assert _recalled(process) == ["ann"]


async def test_an_approver_may_decide_after_the_escalation(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await process.skip(hours=25)
    await process.activities.attempted("ask_approver", 2)
    await request.send(APPROVED_BY_ANN)
    assert (await request.result()).decided_by == "ann"
    assert _recalled(process) == ["bob"]


async def test_an_approver_may_decide_before_being_asked(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await request.reached("awaiting-decision")
    await request.send(ApproveQuote(approver="cyd"))
    assert (await request.result()).decided_by == "cyd"
    assert (_asked(process), _recalled(process)) == (["ann"], ["ann"])


async def test_a_quote_that_nobody_decides_on_expires(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    result = await request.result()
    assert (result.outcome, result.reason, result.escalations) == (QUOTE_OUTCOME_EXPIRED, "nobody decided in time", 2)
    assert _asked(process) == _recalled(process) == ["ann", "bob", "cyd"]
    dues = [each.due for each in process.activities.requests("ask_approver") if isinstance(each, AskApproverRequest)]
    first, second, third = (due.ToDatetime(UTC) for due in dues)
    assert timedelta(hours=24) <= second - first < timedelta(hours=25)
    assert timedelta(hours=24) <= third - second < timedelta(hours=25)


async def test_escalation_has_an_end(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, _submitted(*"abcdef"))
    result = await request.result()
    assert (result.outcome, result.escalations) == (QUOTE_OUTCOME_EXPIRED, 3)
    assert _asked(process) == [*"abcd"]


async def test_the_offer_ends_with_its_date(process: QuoteApprovalHarness) -> None:
    ends = await process.now() + timedelta(hours=30)
    request = await process.start(KEY, _submitted("ann", "bob", "cyd", valid_until=ends))
    await process.skip(hours=29)
    assert _asked(process) == ["ann", "bob"]
    await request.reached("awaiting-decision")
    await process.skip(hours=2)
    result = await request.result()
    assert (result.outcome, result.reason, result.escalations) == (QUOTE_OUTCOME_EXPIRED, "the offer has ended", 1)


async def test_an_offer_that_has_ended_is_shown_to_nobody(process: QuoteApprovalHarness) -> None:
    ended = await process.now() - timedelta(hours=1)
    request = await process.start(KEY, _submitted("ann", valid_until=ended))
    assert (await request.result()).outcome == QUOTE_OUTCOME_EXPIRED
    assert process.activities.called("ask_approver") == 0


async def test_the_requester_withdraws(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await process.skip(hours=25)
    await process.activities.attempted("ask_approver", 2)
    await request.send(WithdrawQuote(reason="lost the deal"))
    result = await request.result()
    assert (result.outcome, result.reason) == (QUOTE_OUTCOME_WITHDRAWN, "lost the deal")
    assert _recalled(process) == ["ann", "bob"]


async def test_the_first_of_contradicting_messages_counts(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED, APPROVED_BY_ANN, RejectQuote(approver="ann"), WithdrawQuote())
    assert (await request.result()).outcome == QUOTE_OUTCOME_APPROVED
    other = await process.start(KEY, SUBMITTED, WithdrawQuote(), APPROVED_BY_ANN)
    assert (await other.result()).outcome == QUOTE_OUTCOME_WITHDRAWN


async def test_a_decision_may_arrive_before_the_quote(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, APPROVED_BY_ANN)
    await request.reached("awaiting-quote")
    await request.send(SUBMITTED)
    assert (await request.result()).outcome == QUOTE_OUTCOME_APPROVED
    assert process.activities.called("ask_approver") == 0


async def test_a_quote_may_be_withdrawn_before_it_arrives(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, WithdrawQuote(), SUBMITTED)
    assert (await request.result()).outcome == QUOTE_OUTCOME_WITHDRAWN
    assert process.activities.called("ask_approver") == 0


async def test_a_decision_whose_quote_never_comes_expires(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, APPROVED_BY_ANN)
    result = await request.result()
    assert (result.outcome, result.reason) == (QUOTE_OUTCOME_EXPIRED, "the quote was never submitted")


async def test_a_stranger_does_not_decide(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await request.reached("awaiting-decision")
    await request.send(ApproveQuote(approver="mallory"))
    result = await request.result()
    assert (result.outcome, result.decided_by) == (QUOTE_OUTCOME_INVALID, "")
    assert "'mallory'" in result.reason
    assert _recalled(process) == ["ann"]


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        (SubmitQuote(total=TOTAL), "names no approvers"),
        (SubmitQuote(total=TOTAL, approvers=["ann", ""]), "names no approvers"),
        (SubmitQuote(total=TOTAL, approvers=["ann", "bob", "ann"]), "an approver twice"),
        (SubmitQuote(approvers=["ann"]), "has no total"),
        (SubmitQuote(total=Money(currency="EUR"), approvers=["ann"]), "has no total"),
    ],
)
async def test_a_wrong_quote_is_said_to_the_requester(
    process: QuoteApprovalHarness, quote: SubmitQuote, said: str
) -> None:
    result = await (await process.start(KEY, quote)).result()
    assert result.outcome == QUOTE_OUTCOME_INVALID
    assert said in result.reason
    assert [call.activity for call in process.activities.calls] == ["notify_requester"]


async def test_everything_twice_gives_what_once_gives(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await request.redeliver()
    await request.send(_submitted("eve"))  # of each kind of message the first counts
    counts = await request.handled(3)
    assert (counts.applied, counts.duplicates) == (1, 2)
    await request.send(APPROVED_BY_ANN, APPROVED_BY_ANN)
    assert (await request.result()).outcome == QUOTE_OUTCOME_APPROVED
    assert _asked(process) == ["ann"]
    assert process.dead_letters == []


async def test_a_message_after_the_end_is_no_new_request(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED, APPROVED_BY_ANN)
    result = await request.result()
    with pytest.raises(RPCError) as refused:
        await request.send(WithdrawQuote())
    assert refused.value.status is RPCStatusCode.ALREADY_EXISTS
    assert await request.result() == result


async def test_two_requests_about_one_quote_are_two_workflows(process: QuoteApprovalHarness) -> None:
    first = await process.start(KEY, SUBMITTED)
    second = await process.start(KEY, SUBMITTED)
    assert first.handle.id != second.handle.id
    for request in (first, second):
        await request.reached("awaiting-decision")
    await first.send(RejectQuote(approver="ann"))
    await second.send(APPROVED_BY_ANN)
    await first.reached("rejected")
    await second.reached("approved")
    assert (await first.result()).outcome == QUOTE_OUTCOME_REJECTED
    assert (await second.result()).outcome == QUOTE_OUTCOME_APPROVED


async def test_an_approver_who_is_unknown_is_passed_over_at_once(process: QuoteApprovalHarness) -> None:
    process.activities.fail("ask_approver", ApplicationError("no such person", type="UnknownApprover"))
    request = await process.start(KEY, SUBMITTED)
    await process.activities.attempted("ask_approver", 2)
    await request.reached("awaiting-decision")
    await request.send(ApproveQuote(approver="bob"))
    result = await request.result()
    assert (result.decided_by, result.escalations) == ("bob", 1)


async def test_a_mail_is_tried_again_under_the_same_key(process: QuoteApprovalHarness) -> None:
    process.activities.fail("ask_approver", ApplicationError("mail is away"), times=3)
    request = await process.start(KEY, SUBMITTED)
    await process.activities.attempted("ask_approver", 4)
    await request.reached("awaiting-decision")
    await request.send(APPROVED_BY_ANN)
    assert (await request.result()).decided_by == "ann"
    assert len({call.idempotency_key for call in process.activities.calls if call.activity == "ask_approver"}) == 1


async def test_what_was_decided_stands_when_nobody_can_be_told(process: QuoteApprovalHarness) -> None:
    process.activities.fail("recall_approver")
    process.activities.fail("notify_requester")
    request = await process.start(KEY, SUBMITTED)
    await request.reached("awaiting-decision")
    await request.send(ApproveQuote(approver="bob"))
    assert (await request.result()).outcome == QUOTE_OUTCOME_APPROVED
    assert process.activities.called("recall_approver") == process.activities.called("notify_requester") == 1


async def test_an_operator_stops_a_request_and_approvers_are_recalled(process: QuoteApprovalHarness) -> None:
    request = await process.start(KEY, SUBMITTED)
    await process.skip(hours=25)
    await process.activities.attempted("ask_approver", 2)
    await request.cancel()
    with pytest.raises(WorkflowFailureError):
        await request.result()
    assert (await request.handle.describe()).status is WorkflowExecutionStatus.CANCELED
    assert _recalled(process) == ["ann", "bob"]
    assert process.activities.called("notify_requester") == 0


# --- start versions ------------------------------------------------------------------------------------------------


async def test_requests_of_both_start_versions_end_beside_each_other(process: QuoteApprovalHarness) -> None:
    threshold = Money(currency="EUR", minor_units=5_000_00)
    old = await process.start(KEY, SUBMITTED, start=QuoteApprovalStartV1(start_version=1, key=KEY))
    await old.reached("awaiting-decision")
    new = await process.start(
        KEY, SUBMITTED, start=QuoteApprovalStartV2(start_version=2, key=KEY, approval_threshold=threshold)
    )
    await new.reached("approved")
    await old.send(APPROVED_BY_ANN)
    assert (await old.result()).decided_by == "ann"
    small = await new.result()
    assert (small.outcome, small.decided_by) == (QUOTE_OUTCOME_APPROVED, "")
    assert process.activities.called("ask_approver") == 1


@pytest.mark.parametrize(
    "threshold",
    [None, Money(currency="EUR", minor_units=1_199_99), Money(currency="JPY", minor_units=5_000_00)],
    ids=["none", "below the total", "of another currency"],
)
async def test_a_quote_over_the_threshold_needs_an_approver(
    process: QuoteApprovalHarness, threshold: Money | None
) -> None:
    start = QuoteApprovalStartV2(start_version=2, key=KEY, approval_threshold=threshold)
    request = await process.start(KEY, SUBMITTED, start=start)
    await request.reached("awaiting-decision")
    await request.send(RejectQuote(approver="ann"))
    assert (await request.result()).outcome == QUOTE_OUTCOME_REJECTED


def test_the_ingress_starts_the_latest_version() -> None:
    start = ROUTER.start(event(KEY, SUBMITTED, "r-1"))
    assert start == QuoteApprovalStartV2(start_version=2, key=KEY)

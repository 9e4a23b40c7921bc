"""Runs whose histories `uvx nox -s record -- quote-approval` stores, for later code to replay."""

from datetime import timedelta

from ameide_core_proto.quotes.approval.v1.quote_approval_pb2 import (
    ApproveQuote,
    Money,
    QuoteApprovalStartV1,
    QuoteApprovalStartV2,
    QuoteKey,
    RejectQuote,
    SubmitQuote,
    WithdrawQuote,
)
from quote_approval_generated.testing import QuoteApprovalHarness
from temporalio.exceptions import ApplicationError

KEY = QuoteKey(tenant_id="acme", quote_id="q-1")
SUBMITTED = SubmitQuote(
    requester="rita", total=Money(currency="EUR", minor_units=1_200_00), approvers=["ann", "bob", "cyd"]
)


async def approved(process: QuoteApprovalHarness) -> None:
    """The first approver agrees, everything comes twice."""
    request = await process.start(KEY, SUBMITTED)
    await request.redeliver()
    await request.reached("awaiting-decision")
    await request.send(ApproveQuote(approver="ann", comment="fine"))


async def started_by_version_1(process: QuoteApprovalHarness) -> None:
    """A start message without a threshold."""
    request = await process.start(KEY, SUBMITTED, start=QuoteApprovalStartV1(start_version=1, key=KEY))
    await request.reached("awaiting-decision")
    await request.send(RejectQuote(approver="ann", reason="too cheap"))


async def below_the_threshold(process: QuoteApprovalHarness) -> None:
    """Approved without an approver."""
    threshold = Money(currency="EUR", minor_units=5_000_00)
    await process.start(
        KEY, SUBMITTED, start=QuoteApprovalStartV2(start_version=2, key=KEY, approval_threshold=threshold)
    )


async def escalated(process: QuoteApprovalHarness) -> None:
    """The first approver is unknown, the second silent, the third decides; a mail is tried again."""
    process.activities.fail("ask_approver", ApplicationError("no such person", type="UnknownApprover"))
    process.activities.fail("ask_approver", ApplicationError("mail is away"))
    request = await process.start(KEY, SUBMITTED)
    await process.skip(hours=25)
    await process.activities.attempted("ask_approver", 4)
    await request.send(ApproveQuote(approver="cyd"))


async def undecided(process: QuoteApprovalHarness) -> None:
    """Nobody decides."""
    await process.start(KEY, SUBMITTED)


async def offer_ended(process: QuoteApprovalHarness) -> None:
    """The offer ends before anyone decides."""
    quote = SubmitQuote()
    quote.CopyFrom(SUBMITTED)
    quote.valid_until.FromDatetime(await process.now() + timedelta(hours=30))
    await process.start(KEY, quote)


async def decision_before_quote(process: QuoteApprovalHarness) -> None:
    """The decision overtakes the quote."""
    request = await process.start(KEY, ApproveQuote(approver="bob"))
    await request.reached("awaiting-quote")
    await request.send(SUBMITTED)


async def withdrawn(process: QuoteApprovalHarness) -> None:
    """Taken back while an approver is asked; nobody can be told."""
    process.activities.fail("recall_approver")
    process.activities.fail("notify_requester")
    request = await process.start(KEY, SUBMITTED)
    await request.reached("awaiting-decision")
    await request.send(WithdrawQuote(reason="lost the deal"))


async def decided_by_a_stranger(process: QuoteApprovalHarness) -> None:
    """Someone decides who is no approver."""
    await process.start(KEY, SUBMITTED, RejectQuote(approver="mallory"))


async def stopped_by_operator(process: QuoteApprovalHarness) -> None:
    """The workflow itself is cancelled."""
    request = await process.start(KEY, SUBMITTED)
    await request.reached("awaiting-decision")
    await request.cancel()

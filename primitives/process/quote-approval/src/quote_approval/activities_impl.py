"""How approvers and requesters are told.

This example has no mail to send: it logs what it would send. A mail system would be given the idempotency key, so that
a repeated attempt does not send twice.
"""

from typing import final

import structlog
from ameide_core_proto.quotes.approval.v1.quote_approval_pb2 import (
    AskApproverRequest,
    AskApproverResponse,
    NotifyRequesterRequest,
    NotifyRequesterResponse,
    QuoteOutcome,
    RecallApproverRequest,
    RecallApproverResponse,
)
from quote_approval_generated.activities import QuoteApprovalActivities

_log = structlog.get_logger()


@final
class QuoteApprovalActivitiesImpl(QuoteApprovalActivities):
    """Logs the mails."""

    async def ask_approver(self, request: AskApproverRequest, *, idempotency_key: str) -> AskApproverResponse:
        """Asks an approver to decide."""
        await _log.ainfo(
            "approver asked",
            quote_id=request.key.quote_id,
            approver=request.approver,
            due=request.due.ToJsonString(),
            idempotency_key=idempotency_key,
        )
        return AskApproverResponse()

    async def recall_approver(self, request: RecallApproverRequest, *, idempotency_key: str) -> RecallApproverResponse:
        """Tells an approver who was asked that no decision is needed any more."""
        await _log.ainfo(
            "approver recalled",
            quote_id=request.key.quote_id,
            approver=request.approver,
            idempotency_key=idempotency_key,
        )
        return RecallApproverResponse()

    async def notify_requester(
        self, request: NotifyRequesterRequest, *, idempotency_key: str
    ) -> NotifyRequesterResponse:
        """Tells the requester how the request ended."""
        await _log.ainfo(
            "requester told",
            quote_id=request.key.quote_id,
            requester=request.requester,
            outcome=QuoteOutcome.Name(request.result.outcome),
            idempotency_key=idempotency_key,
        )
        return NotifyRequesterResponse()

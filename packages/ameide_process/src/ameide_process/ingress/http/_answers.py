"""What a client is told about the ends of its events."""

import json
from collections.abc import Sequence
from typing import Final

from aiohttp import web

from ameide_process.ingress._ending import Ending, Outcome
from ameide_process.ingress.http._refusal import EventAnswer, RefusalError, refused
from ameide_process.invalid_event import InvalidReason

STATUS_BY_REASON: Final = {
    InvalidReason.UNDECODABLE: 400,
    InvalidReason.WRONG_CONTENT_TYPE: 415,
    InvalidReason.CLOUDEVENT_MISMATCH: 400,
    InvalidReason.UNKNOWN_CASE: 422,
    InvalidReason.UNKNOWN_SIGNAL: 422,
    InvalidReason.MISSING_IDEMPOTENCY_KEY: 422,
    InvalidReason.MISSING_KEY: 422,
    InvalidReason.KEY_TOO_LONG: 422,
    InvalidReason.WRONG_SCHEMA_VERSION: 422,
    InvalidReason.TOO_LARGE: 413,
    InvalidReason.LATE: 409,
}
"""Every reason for which an event can never be handled. 422: it was read, and is no event of this process."""

REPEAT_IS_SAFE: Final = "repeating it is safe: what was taken already is dropped as a duplicate"

ACCEPTED: Final = 202


def answer_of(end: Ending | RefusalError) -> tuple[int, str, str]:
    """Returns status, reason and detail for one event."""
    if isinstance(end, RefusalError):
        return end.status, end.reason, end.detail
    match end.outcome:
        case Outcome.ACCEPTED | Outcome.DUPLICATE | Outcome.TOMBSTONE:
            return ACCEPTED, end.outcome.value, ""
        case Outcome.DEAD_LETTER:
            return ACCEPTED, "dead-lettered", end.explanation
        case Outcome.REFUSED:
            reason = end.reason or InvalidReason.UNDECODABLE
            return STATUS_BY_REASON[reason], reason.value, end.explanation


def answer(ends: Sequence[Ending | RefusalError], *, batch: bool) -> web.Response:
    """Makes the answer to a request.

    Args:
        ends: What became of its events, in their order.
        batch: Whether they came as a batch. Then it is 202 only when all of them were taken; otherwise the answer lists
            each, and the whole batch may be repeated.
    """
    answers = [EventAnswer(index, *answer_of(end)) for index, end in enumerate(ends)]
    if all(each.status == ACCEPTED for each in answers):
        return _accepted(answers)
    if not batch:
        end = ends[0]
        if isinstance(end, RefusalError):
            return refused(end)
        (single,) = answers
        return refused(RefusalError(single.status, single.reason, single.detail))
    return refused(_of_batch(ends, answers), answers)


def _of_batch(ends: Sequence[Ending | RefusalError], answers: Sequence[EventAnswer]) -> RefusalError:
    taken = sum(each.status == ACCEPTED for each in answers)
    told = f"{taken} of {len(answers)} events were taken"
    waiting = [each for each in ends if isinstance(each, RefusalError) and each.retry_after is not None]
    if waiting:
        return RefusalError(
            503,
            "not-all-accepted",
            f"{told}; send the batch again: {REPEAT_IS_SAFE}",
            retry_after=max(each.retry_after or 0 for each in waiting),
        )
    statuses = {each.status for each in answers if each.status != ACCEPTED}
    return RefusalError(
        statuses.pop() if len(statuses) == 1 else 422,
        "not-all-accepted",
        f"{told}; the others can never be, see events: leave them out or correct them",
    )


def _accepted(answers: Sequence[EventAnswer]) -> web.Response:
    notable = [each for each in answers if each.reason == "dead-lettered"]
    if not notable:
        return web.Response(status=ACCEPTED)
    # Taken charge of, and yet something its producer would want to know.
    document = {"events": [{"index": each.index, "reason": each.reason, "detail": each.detail} for each in notable]}
    return web.Response(status=ACCEPTED, body=json.dumps(document).encode(), content_type="application/json")

"""Why a request is not accepted, as its client gets to know it: a problem document (RFC 9457)."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

PROBLEM_JSON = "application/problem+json"


class RefusalError(Exception):
    """A request, or one of its events, that is answered otherwise than by 202.

    Attributes:
        status: HTTP status.
        reason: Stable word for programs.
        detail: The reason as a sentence for people.
        retry_after: Seconds after which the same request may be repeated; None: as it is, never.
        headers: What else the answer says.
        close: The connection ends with the answer, since the rest of its request was not read.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        retry_after: float | None = None,
        headers: Sequence[tuple[str, str]] = (),
        close: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after
        self.headers = tuple(headers)
        self.close = close


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """What became of one event of a batch."""

    index: int
    """Its place in the batch, from 0."""
    status: int
    """What it would have been answered alone."""
    reason: str
    detail: str = ""


def refused(refusal: RefusalError, events: Sequence[EventAnswer] = ()) -> web.Response:
    """Makes the answer.

    Args:
        refusal: Why.
        events: Of a batch: what became of each event.
    """
    response = web.Response(
        status=refusal.status, body=_document(refusal, events), content_type=PROBLEM_JSON, headers=refusal.headers
    )
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = _seconds(refusal.retry_after)
    if refusal.close:
        response.force_close()
    return response


def refused_connection(refusal: RefusalError) -> bytes:
    """Writes the answer for a connection that no server has: all bytes of it, after which the connection ends."""
    document = _document(refusal)
    phrase = HTTPStatus(refusal.status).phrase
    lines = [
        f"HTTP/1.1 {refusal.status} {phrase}",
        f"Content-Type: {PROBLEM_JSON}",
        f"Content-Length: {len(document)}",
        *(() if refusal.retry_after is None else (f"Retry-After: {_seconds(refusal.retry_after)}",)),
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + document


def _document(refusal: RefusalError, events: Sequence[EventAnswer] = ()) -> bytes:
    document: dict[str, object] = {
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "reason": refusal.reason,
        "detail": refusal.detail,
    }
    if events:
        document["events"] = [
            {
                key: value
                for key, value in (
                    ("index", each.index),
                    ("status", each.status),
                    ("reason", each.reason),
                    ("detail", each.detail),
                )
                if value != ""
            }
            for each in events
        ]
    return json.dumps(document).encode()


def _seconds(retry_after: float) -> str:
    return str(max(1, math.ceil(retry_after)))

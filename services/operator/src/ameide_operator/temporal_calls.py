"""Calls of Temporal: how long one may take, and what is said of one that failed."""

from datetime import timedelta
from typing import Final

from temporalio.service import RPCError, RPCStatusCode

CALL_LIMIT: Final = timedelta(seconds=5)
"""For each call."""

_ABOUT_THE_REQUEST: Final = frozenset({RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION})
"""Of these the server's own words say what is wrong, alike each time."""

_WORDS: Final = {
    RPCStatusCode.UNAVAILABLE: "it cannot be reached",
    RPCStatusCode.DEADLINE_EXCEEDED: f"no answer within {CALL_LIMIT.total_seconds():g} s",
    RPCStatusCode.CANCELLED: "no answer",
    RPCStatusCode.RESOURCE_EXHAUSTED: "it has too much to do",
    RPCStatusCode.PERMISSION_DENIED: "the credentials may not do that",
    RPCStatusCode.UNAUTHENTICATED: "it refuses the credentials",
    RPCStatusCode.UNIMPLEMENTED: "it does not know that call",
}
"""What a server does not say itself, or says in other words each time."""


def words_of(error: RPCError) -> str:
    """Says why a call failed, in the same words each time: a condition that changes is written, and read by people."""
    if error.status in _ABOUT_THE_REQUEST:
        return error.message
    return _WORDS.get(error.status, f"gRPC status {error.status.name}")

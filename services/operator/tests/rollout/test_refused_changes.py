"""What is said of a change that Temporal refuses: the same words each time, since each change is written."""

from datetime import timedelta
from typing import Any

import pytest
from ameide_operator.rollout import Intent, Seen, Stage, advance
from ameide_operator.temporal_calls import CALL_LIMIT
from temporalio.service import RPCError, RPCStatusCode

INTENT = Intent("orders/orders", "b2")
ABOUT_THE_CHANGE = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION}


class Refusing:
    """Worker Deployments that are there and take no change: a real server refuses with few of the codes on demand."""

    def __init__(self, status: RPCStatusCode, message: str) -> None:
        self._error = RPCError(message, status, b"")

    async def look(self, name: str) -> Seen:
        return Seen()

    async def act(self, name: str, action: object, seen: Seen | None) -> None:
        raise self._error


async def refusal(status: RPCStatusCode, message: str) -> tuple[Stage, str]:
    deployments: Any = Refusing(status, message)
    view, again = await advance(deployments, INTENT, manager="us", polled={"b2"})
    assert again == timedelta(seconds=5)
    return view.progress.stage, view.progress.message


@pytest.mark.parametrize("status", sorted(set(RPCStatusCode) - ABOUT_THE_CHANGE))
async def test_what_differs_each_time_is_said_alike(status: RPCStatusCode):
    first = await refusal(status, "tcp connect error: 10.0.0.7:7233, os error 111")
    assert first == await refusal(status, "transport error, request 4711")
    assert "10.0.0.7" not in first[1]


@pytest.mark.parametrize("status", sorted(ABOUT_THE_CHANGE))
async def test_what_is_wrong_with_a_change_is_said_by_the_server(status: RPCStatusCode):
    said = "build b2 has no pollers"
    expected = f"Temporal does not change Worker Deployment 'orders/orders': {said}"
    assert await refusal(status, said) == (Stage.REFUSED, expected)


async def test_no_room_is_said_by_the_server_and_what_to_do_by_us():
    said = "reached maximum deployments in namespace (100)"
    stage, message = await refusal(RPCStatusCode.RESOURCE_EXHAUSTED, said)
    assert stage is Stage.LIMIT_REACHED
    assert message.startswith(f"Temporal takes no more Worker Deployments: {said}; delete some")


async def test_that_a_server_has_them_switched_off_is_not_laid_on_the_credentials():
    """The words are those of a real server: `test_switched_off.py`."""
    said = "Worker Deployment Versions are disabled on this namespace."
    stage, message = await refusal(RPCStatusCode.PERMISSION_DENIED, said)
    assert stage is Stage.REFUSED
    assert message.startswith("Temporal has Worker Deployments switched off in this namespace: set ")


async def test_the_limit_of_a_call_is_said():
    stage, message = await refusal(RPCStatusCode.DEADLINE_EXCEEDED, "Timeout expired")
    assert stage is Stage.UNANSWERED
    assert message.endswith(f"'orders/orders': no answer within {CALL_LIMIT.total_seconds():g} s")

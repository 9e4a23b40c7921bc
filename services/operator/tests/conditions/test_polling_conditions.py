"""When a worker that seems ready is doubted."""

from datetime import UTC, datetime, timedelta
from typing import Any

from ameide_operator.conditions import Polling, Reason, available, failing, judge_polling

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = timedelta(seconds=30)
WELL = available("1/1")


def pod(*, ready: bool = True, since: datetime = START, deleted: bool = False) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    metadata = {"name": "p"} | ({"deletionTimestamp": "x"} if deleted else {})
    return {"metadata": metadata, "status": {"conditions": [condition]}}


def polling(*, polled: bool = False, looked_after: float = 0) -> Polling:
    return Polling("task queue 'q'", polled, START + timedelta(seconds=looked_after))


def judged(pods: list[dict[str, Any]], polling: Polling, after: float, verdict: Any = WELL) -> tuple[Any, bool]:
    result, wait = judge_polling(verdict, pods, polling, now=START + timedelta(seconds=after), limit=LIMIT)
    return result.reason, wait is not None


def test_is_doubted_only_after_the_limit_and_a_look_after_it():
    assert judged([pod()], polling(looked_after=29), 29) == (Reason.AVAILABLE, True)
    assert judged([pod()], polling(looked_after=29), 31) == (Reason.AVAILABLE, True)
    assert judged([pod()], polling(looked_after=30), 31) == (Reason.NO_POLLERS, False)


def test_the_pod_that_is_ready_longest_counts():
    later = pod(since=START + timedelta(seconds=25))
    assert judged([later, pod()], polling(looked_after=30), 31)[0] is Reason.NO_POLLERS
    assert judged([later, pod(deleted=True), pod(ready=False)], polling(looked_after=30), 31)[0] is Reason.AVAILABLE


def test_is_not_doubted_when_polled_or_scaled_to_nothing_or_broken_anyway():
    assert judged([pod()], polling(polled=True, looked_after=99), 100) == (Reason.AVAILABLE, False)
    assert judged([], polling(looked_after=99), 100) == (Reason.AVAILABLE, False)
    assert judged([pod()], polling(looked_after=99), 100, failing(Reason.OOM_KILLED, ""))[0] is Reason.OOM_KILLED

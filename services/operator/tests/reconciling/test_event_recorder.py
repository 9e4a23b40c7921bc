"""Events of a resource on a real API server, and their bounds."""

import asyncio
import json
from typing import Any, cast

import pytest
from ameide_devstack.testing import wait_until
from ameide_operator.kubernetes import Cluster
from ameide_operator.models import Condition
from ameide_operator.planning import Component
from ameide_operator.reconciling import EventRecorder, ResourceKey
from ameide_operator.testing import crashed

KEY = ResourceKey("n", "orders")
BODY = {"metadata": {"uid": "u"}}


class Written(list[dict[str, Any]]):
    async def apply(self, _kind: str, _namespace: str, _name: str, manifest: dict[str, Any]) -> None:
        self.append(manifest)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def recorder() -> tuple[EventRecorder, Written, Clock]:
    written, clock = Written(), Clock()
    return EventRecorder(cast("Cluster", written), clock=clock), written, clock


def ready(status: str, reason: str, message: str = "m") -> list[Condition]:
    time = "2026-01-01T00:00:00Z"
    fields = {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": time}
    return [Condition.model_validate(fields)]


async def test_only_transitions_are_recorded():
    events, written, _ = recorder()
    await events.record(KEY, BODY, [], ready("False", "Progressing"))
    await events.record(KEY, BODY, ready("False", "Progressing"), ready("False", "Progressing", "other words"))
    await events.record(KEY, BODY, ready("False", "Progressing"), ready("False", "DialFailed"))
    await events.record(KEY, BODY, ready("False", "DialFailed"), ready("True", "Available"))
    await events.record(KEY, BODY, ready("True", "Available"), ready("True", "CertificateExpiring"))
    assert [(each["type"], each["reason"]) for each in written] == [
        ("Normal", "Progressing"),
        ("Warning", "DialFailed"),
        ("Normal", "Available"),
        ("Warning", "CertificateExpiring"),
    ]


async def test_the_same_again_is_counted_and_bounded():
    events, written, clock = recorder()
    for _ in range(40):
        await events.record(KEY, BODY, ready("True", "Available"), ready("False", "DialFailed"))
        await events.record(KEY, BODY, ready("False", "DialFailed"), ready("True", "Available"))
    assert len(written) == 25
    assert {each["metadata"]["name"] for each in written if each["reason"] == "DialFailed"} == {
        written[0]["metadata"]["name"]
    }
    assert written[-1]["count"] == 13
    other = ResourceKey("n", "billing")
    await events.record(other, BODY, [], ready("False", "Progressing"))
    assert len(written) == 26, "one resource uses up nothing of another's"
    clock.now = 299
    await events.record(KEY, BODY, [], ready("True", "Available"))
    assert len(written) == 26
    clock.now = 301
    await events.record(KEY, BODY, [], ready("True", "Available"))
    assert len(written) == 27


async def test_long_messages_are_cut():
    events, written, _ = recorder()
    await events.record(KEY, BODY, [], ready("False", "InvalidSpec", "ü" * 5000))
    assert len(written[0]["message"].encode()) <= 1024


@pytest.mark.e2e
async def test_describe_shows_what_became_of_a_resource(bed: Any):
    async def events() -> list[dict[str, Any]]:
        listed = json.loads(
            await bed.run("get", "events", "--field-selector=involvedObject.kind=Process", "-o", "json")
        )
        return listed["items"]

    secret = {"apiKeySecretRef": {"name": "key", "key": "token"}, "tls": {"mode": "TLS"}}
    await bed.apply(temporal=secret)
    await bed.until("Ready", "False", "SecretMissing")
    await bed.run("create", "secret", "generic", "key", "--from-literal=token=t")
    await bed.until("Ready", "False", "DialFailed")

    async def both() -> bool:
        return {"SecretMissing", "DialFailed"} <= {each["reason"] for each in await events()}

    await wait_until(both)
    before = await events()
    assert all(each["source"]["component"] == "ameide-operator" for each in before)
    assert "DialFailed" in await bed.run("describe", "process", "orders")
    # What changes below the first failing reason is no transition of it.
    bed.kubelet.states[Component.WORKER] = crashed(1)
    await bed.until("WorkerReady", "False", "CrashLoopBackOff")
    await asyncio.sleep(1)
    assert await events() == before

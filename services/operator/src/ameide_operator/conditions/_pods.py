"""What the pods of a workload say about why they are not ready."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from ameide_operator.bodies import list_at, mapping_at
from ameide_operator.conditions._reasons import Reason

CONTRACT_MISMATCH_EXIT_CODE: Final = 78
"""Exit code of a program that implements another process or major version (EX_CONFIG)."""

_MESSAGE_LIMIT: Final = 1024
"""Characters of a pod's own words that a condition repeats."""

_PULL_REASONS: Final = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"})
_CONFIG_REASONS: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})

_BY_GRAVITY: Final = (
    Reason.CONTRACT_MISMATCH,
    Reason.INVALID_CONFIGURATION,
    Reason.IMAGE_PULL,
    Reason.CONTAINER_CONFIG,
    Reason.OOM_KILLED,
    Reason.CRASH_LOOP,
    Reason.UNSCHEDULABLE,
)


def pod_is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod passes its readiness probe."""
    conditions = list_at(pod, "status", "conditions")
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def pod_finding(pods: Iterable[Mapping[str, Any]]) -> tuple[Reason, str] | None:
    """The gravest thing that keeps a pod from running, and a message about it; None where nothing does."""
    findings = [finding for pod in pods if not pod["metadata"].get("deletionTimestamp") for finding in _findings(pod)]
    return min(findings, key=lambda finding: _BY_GRAVITY.index(finding[0]), default=None)


def _findings(pod: Mapping[str, Any]) -> Iterator[tuple[Reason, str]]:
    name = pod["metadata"]["name"]
    for condition in list_at(pod, "status", "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield Reason.UNSCHEDULABLE, f"no node takes pod {name}: {_short(condition.get('message', ''))}"
    for container in list_at(pod, "status", "containerStatuses"):
        if not container.get("ready"):
            yield from _container_findings(name, container)


def _container_findings(pod: str, container: Mapping[str, Any]) -> Iterator[tuple[Reason, str]]:
    waiting = mapping_at(container, "state", "waiting")
    reason = waiting.get("reason", "")
    if reason in _PULL_REASONS:
        detail = _short(waiting.get("message", "")) or reason
        image = container.get("image", "")
        yield Reason.IMAGE_PULL, f"image {image!r} of pod {pod} cannot be pulled: {detail}; correct spec.image"
        return
    if reason in _CONFIG_REASONS:
        yield (
            Reason.CONTAINER_CONFIG,
            f"the container of pod {pod} cannot be made: {_short(waiting.get('message', ''))}",
        )
        return
    ended = mapping_at(container, "state", "terminated") or mapping_at(container, "lastState", "terminated")
    if not ended or (ended.get("exitCode") == 0 and reason != "CrashLoopBackOff"):
        return
    times = f", restarted {container['restartCount']} times" if container.get("restartCount") else ""
    if ended.get("reason") == "OOMKilled":
        memory = "raise resources.limits.memory, or lower concurrency"
        yield Reason.OOM_KILLED, f"pod {pod} was killed at its memory limit{times}; {memory}"
        return
    said = _termination(ended)
    if ended.get("exitCode") == CONTRACT_MISMATCH_EXIT_CODE or said.get("reason") == "ContractMismatch":
        yield Reason.CONTRACT_MISMATCH, _mismatch(pod, said)
    elif said.get("reason") == "InvalidConfiguration":
        yield Reason.INVALID_CONFIGURATION, f"pod {pod} refuses its configuration: {_problems(said)}"
    elif reason == "CrashLoopBackOff" or container.get("restartCount", 0) > 0:
        words = said.get("message") or _short(ended.get("message", "")) or "it said nothing"
        code = f"exit code {ended.get('exitCode')}"
        verb = "crashes" if ended.get("exitCode") else "ends by itself, again and again"
        yield Reason.CRASH_LOOP, f"pod {pod} {verb} ({code}{times}): {words}; see kubectl logs {pod} --previous"


def _termination(ended: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the program left in its termination log: one JSON object, where it is ours."""
    try:
        said: Any = json.loads(ended.get("message") or "")
    except ValueError:
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _mismatch(pod: str, said: Mapping[str, Any]) -> str:
    def shown(side: str) -> str:
        identity = mapping_at(said, side)
        return f"{identity.get('name')!r} of api major {identity.get('apiMajor')}"

    if not mapping_at(said, "actual") or not mapping_at(said, "expected"):
        code = f"exit code {CONTRACT_MISMATCH_EXIT_CODE}"
        return (
            f"pod {pod} implements another process or major version than spec.process says ({code}); correct spec.image"
        )
    return f"pod {pod} implements {shown('actual')}, spec.process says {shown('expected')}; correct spec.image"


def _problems(said: Mapping[str, Any]) -> str:
    listed = [f"{each.get('name')} {each.get('value')}: {each.get('advice')}" for each in list_at(said, "problems")]
    return _short("; ".join(listed)) or "it does not say why"


def _short(text: str) -> str:
    """The last of a long text: what a program said last is why it ended."""
    words = " ".join(text.split())
    return words if len(words) <= _MESSAGE_LIMIT else f"…{words[-_MESSAGE_LIMIT:]}"

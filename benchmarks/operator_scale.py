"""The operator with many resources, against a bare loop that applies the same children and waits for the same pods.

Each has a control plane of its own. Neither has a rollout; one client stands in for the workers' heartbeats. What is
said of a steady state is said of looks every 30 s, both at the API server and at Temporal.
"""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ameide_devstack import TemporalDevServer
from ameide_devstack.testing import wait_for
from ameide_operator.kubernetes import KINDS, POD
from ameide_operator.models import KIND, ProcessSpec
from ameide_operator.planning import DEPLOYMENT, Observed, Owner, plan_children
from ameide_operator.testing import crashed, running
from lightkube.types import PatchType
from operator_bed import (
    LOOK_SECONDS,
    NAMESPACE,
    TEMPORAL_NAMESPACE,
    Bed,
    Running,
    Watched,
    bed,
    is_available,
    is_ready,
    operator,
    resources,
    secret,
    temporal_calls,
    watched,
    workers,
)
from own_process import leave
from raw_loop import at_once
from rich.console import Console
from rich.table import Table

SIZES = (100, 1000)
LOOKS = 4
"""Looks at everything that a steady state is watched for."""

CONCURRENCY = 16
"""Requests at once of the loop, and of whoever creates the resources."""

FOREIGN_SECRETS = 1500
FOREIGN_SECRET_BYTES = 200_000
ROUNDS = 5
"""Rotations and crashes whose latency is taken."""

HIGHEST_RATIO = 1.5
HIGHEST_GROWTH = 1.25
"""What a resource takes with the largest size over what it takes with the smallest: CPU of the operator, and seconds as
multiples of the bare loop's, since the API server too takes longer for each object the more there are."""

HIGHEST_MB = 200.0
HIGHEST_CPU_MS = 5.0
HIGHEST_CALLS = 3.0
HIGHEST_SECONDS = 5.0

ROTATED = "rotated"
ITS_SECRET = "its-secret"  # noqa: S105 - a name


def _children(resource: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the operator makes of a resource, without an owner, who would be missed."""
    spec = ProcessSpec.model_validate(resource["spec"])
    planned = plan_children(spec, Owner(NAMESPACE, resource["metadata"]["name"], ""), Observed())
    manifests = [dict(each.manifest) for each in planned.apply]
    for each in manifests:
        each["metadata"] = {name: value for name, value in each["metadata"].items() if name != "ownerReferences"}
    return manifests


async def bare_loop(number: int) -> float:
    """Seconds from the first child to the last pod that is ready."""
    children = [child for resource in resources(number, "temporal:7233") for child in _children(resource)]
    deployments = sum(child["kind"] == DEPLOYMENT for child in children)
    async with bed() as here, watched(here, DEPLOYMENT, is_available) as pods:
        began = time.perf_counter()
        await at_once(CONCURRENCY, len(children), lambda position: here.apply(children[position]))
        await pods.until(deployments)
        return time.perf_counter() - began


@dataclass
class Figures:
    """What was measured of an operator."""

    seconds: float
    """From the first resource to the last that is ready."""
    cpu: float
    """Seconds of CPU until then."""
    requests: Counter[str]
    """To the API server until then."""
    mb: float
    """The highest resident memory until then."""


async def converge(here: Bed, it: Running, statuses: Watched, number: int, address: str) -> Figures:
    """Creates resources and waits until each is ready."""
    wanted = resources(number, address)
    before = Counter(_named(each) for each in here.requests())
    began, cpu = time.perf_counter(), it.cpu()
    await at_once(CONCURRENCY, number, lambda position: here.apply(wanted[position]))
    await statuses.until(number)
    seconds = time.perf_counter() - began
    requests = Counter(_named(each) for each in here.requests()) - before
    return Figures(seconds, it.cpu() - cpu, requests, it.highest_mb())


def _named(request: Mapping[str, Any]) -> str:
    reference = request.get("objectRef", {})
    part = f"/{reference['subresource']}" if "subresource" in reference else ""
    return f"{request['verb']} {reference.get('resource', '?')}{part}"


@dataclass
class Steady:
    """A steady state over some looks."""

    looks: int
    writes: list[str]
    calls: Counter[str]
    """Temporal calls, by operation."""
    cpu_ms: float
    """Milliseconds of CPU, all told, a resource and look."""


async def steady_state(here: Bed, it: Running, server: TemporalDevServer, number: int) -> Steady:
    """Watches an operator that has nothing to do."""
    await asyncio.sleep(LOOK_SECONDS)
    looks, writes, calls, cpu = _looks(here), len(here.writes()), await temporal_calls(server), it.cpu()
    await wait_for(lambda: _looks(here) >= looks + LOOKS, timeout_s=2 * LOOKS * LOOK_SECONDS)
    done = _looks(here) - looks
    cpu = it.cpu() - cpu
    more = await temporal_calls(server) - calls
    return Steady(looks=done, writes=here.writes()[writes:], calls=more, cpu_ms=1000 * cpu / done / number)


def _looks(here: Bed) -> int:
    """Looks at everything so far: each asks once whether there are ServiceMonitors."""
    return sum(_named(each) == "list servicemonitors" for each in here.requests())


async def reactions(here: Bed, statuses: Watched, address: str) -> dict[str, float]:
    """The longest that a change took to be seen in conditions, in seconds."""
    (resource,) = resources(1, address)
    resource["metadata"]["name"] = ROTATED
    reference = {"secretKeyRef": {"name": ITS_SECRET, "key": "token"}}
    resource["spec"]["worker"] = {"podTemplate": {"env": [{"name": "TOKEN", "valueFrom": reference}]}}
    await here.apply(secret(ITS_SECRET, {"token": b"0"}))
    ready = statuses.moment(ROTATED, "WorkloadReady", "True", "Available")
    await here.apply(resource)
    await ready
    longest: dict[str, float] = {}

    async def took(what: str, change: Any, back: Any, *stands: str) -> None:
        moment = statuses.moment(ROTATED, *stands)
        began = time.perf_counter()
        await change
        longest[what] = max(longest.get(what, 0), await moment - began)
        ready = statuses.moment(ROTATED, "WorkloadReady", "True", "Available")
        if back is not None:
            await back
        await ready
        await asyncio.sleep(1)

    for number in range(1, ROUNDS + 1):
        rotated = here.apply(secret(ITS_SECRET, {"token": b"%d" % number}))
        await took("rotation of a Secret", rotated, None, "WorkerReady", "False", "Progressing")
        lost = here.apply(secret(ITS_SECRET, {"other": b"%d" % number}))
        found = here.apply(secret(ITS_SECRET, {"token": b"%d" % number}))
        what = "loss of a Secret's key"
        await took(what, lost, found, "SecretsReady", "False", "SecretKeyMissing")
        pod = await _pod(here)
        down, up = (_stand(here, pod, status) for status in (crashed(1, "boom"), running()))
        await took("crash of a pod", down, up, "WorkerReady", "False", "CrashLoopBackOff")
    return longest


async def _pod(here: Bed) -> str:
    labels = {"ameide.io/process": ROTATED, "app.kubernetes.io/component": "worker"}
    async for pod in here.client.list(KINDS[POD], namespace=NAMESPACE, labels=labels):
        if not pod["metadata"].get("deletionTimestamp"):
            return pod["metadata"]["name"]
    raise RuntimeError("the worker has no pod")


async def _stand(here: Bed, pod: str, status: Mapping[str, Any]) -> None:
    await here.client.patch(
        KINDS[POD].Status, pod, {"status": dict(status)}, namespace=NAMESPACE, patch_type=PatchType.MERGE
    )


async def foreign_secrets(here: Bed) -> None:
    """Creates large Secrets that no resource names, and lets the operator look at everything once more."""
    content = secret("", {"release": os.urandom(FOREIGN_SECRET_BYTES)})

    async def create(position: int) -> None:
        await here.apply({**content, "metadata": {"name": f"foreign-{position}", "namespace": NAMESPACE}})

    await at_once(CONCURRENCY, FOREIGN_SECRETS, create)
    await asyncio.sleep(LOOK_SECONDS)


async def highest_of_a_start(here: Bed) -> float:
    """The highest memory of an operator that starts, catches up and looks at everything once more."""
    async with operator(here) as another:
        used = -1.0
        while another.cpu() - used > 1:  # until it has caught up
            used = another.cpu()
            await asyncio.sleep(5)
        await asyncio.sleep(LOOK_SECONDS)
        return another.highest_mb()


class Report:
    """A table of figures and aims."""

    def __init__(self) -> None:
        self._table = Table("operator", "figure", "aim")
        self._console = Console(width=110)
        self.missed = False

    def note(self, what: str, figure: str, aim: str = "") -> None:
        """A figure, said at once and in the table."""
        self._console.print(f"{what}: {figure}")
        self._table.add_row(what, figure, aim)

    def judge(self, what: str, figure: float, highest: float, unit: str = "") -> None:
        """A figure that should not be higher."""
        self.missed |= figure > highest
        self.note(what, f"{figure:.2f}{unit}", f"<= {highest:g}{unit}")

    def show(self) -> None:
        """Prints it."""
        self._console.print(self._table)


async def main(sizes: tuple[int, ...]) -> int:
    """Measures, prints, and returns 1 where an aim is missed."""
    report, found, loops = Report(), dict[int, Figures](), dict[int, float]()
    report.note("load of the machine before", " ".join(f"{each:.1f}" for each in os.getloadavg()))
    for number in sizes:
        queues = [each["metadata"]["name"] for each in resources(number, "")]
        async with TemporalDevServer(namespace=TEMPORAL_NAMESPACE) as server, workers(server, queues):
            loops[number] = await bare_loop(number)
            async with bed() as here, watched(here, KIND, is_ready) as statuses:
                async with operator(here) as it:
                    figures = found[number] = await converge(here, it, statuses, number, server.address)
                    _tell(report, number, loops[number], figures)
                    _tell_steady(report, number, await steady_state(here, it, server, number))
                    if number == max(sizes):
                        for what, seconds in (await reactions(here, statuses, server.address)).items():
                            report.judge(f"{what}: seen after", seconds, HIGHEST_SECONDS, " s")
                        report.judge(f"{number}: memory, highest", it.highest_mb(), HIGHEST_MB, " MB")
                        await foreign_secrets(here)
                        report.judge(f"{number}: beside large Secrets", it.highest_mb(), HIGHEST_MB, " MB")
                if number == max(sizes):
                    started = await highest_of_a_start(here)
                    report.judge(f"{number}: started beside large Secrets", started, HIGHEST_MB, " MB")
    smallest, largest = found[min(sizes)], found[max(sizes)]
    scale = max(sizes) / min(sizes)
    growth = largest.seconds / smallest.seconds / scale
    loop_growth = loops[max(sizes)] / loops[min(sizes)] / scale
    compared = f"{max(sizes)} / {min(sizes)}"
    report.note(f"seconds a resource, {compared}", f"{growth:.2f}")
    report.note(f"the same of the bare loop, {compared}", f"{loop_growth:.2f}")
    report.judge(f"the first over the second, {compared}", growth / loop_growth, HIGHEST_GROWTH)
    report.judge(f"CPU a resource, {compared}", largest.cpu / smallest.cpu / scale, HIGHEST_GROWTH)
    report.note("load of the machine after", " ".join(f"{each:.1f}" for each in os.getloadavg()))
    report.show()
    return int(report.missed)


def _tell(report: Report, number: int, loop: float, figures: Figures) -> None:
    report.note(f"{number}: bare loop", f"{loop:.1f} s")
    report.note(f"{number}: from apply to all conditions right", f"{figures.seconds:.1f} s")
    report.judge(f"{number}: ratio", figures.seconds / loop, HIGHEST_RATIO)
    report.note(f"{number}: CPU", f"{1000 * figures.cpu / number:.0f} ms a resource")
    calls = figures.requests.total() / number
    report.note(f"{number}: API calls", f"{calls:.1f} a resource")
    for name, count in figures.requests.most_common(12):
        report.note(f"  {name}", f"{count / number:.2f} a resource")


def _tell_steady(report: Report, number: int, steady: Steady) -> None:
    report.judge(f"{number}: writes in {steady.looks} looks", len(steady.writes), 0)
    for write, count in Counter(steady.writes).most_common(5):
        report.note(f"  {write}", str(count))
    looks = steady.calls["DescribeNamespace"]
    pages = steady.calls["ListWorkers"] - looks
    report.judge(f"{number}: Temporal calls a look", (steady.calls.total() - pages) / looks, HIGHEST_CALLS)
    report.note("  of which", ", ".join(f"{name} {count / looks:.2f}" for name, count in sorted(steady.calls.items())))
    report.judge(f"{number}: CPU a resource and look", steady.cpu_ms, HIGHEST_CPU_MS, " ms")


if __name__ == "__main__":
    leave(asyncio.new_event_loop().run_until_complete(main(tuple(map(int, sys.argv[1:])) or SIZES)))

"""What the benchmark of the operator runs against: a control plane of its own, with pods that become ready at once."""

import asyncio
import base64
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import psutil
from ameide_devstack import Kubernetes, TemporalDevServer
from ameide_devstack.testing import wait_for
from ameide_operator.bodies import list_at, mapping_at
from ameide_operator.kubernetes import KINDS, Body
from ameide_operator.testing import operator_process, process_resource
from lightkube import AsyncClient, KubeConfig, SingleConfig
from lightkube.types import PatchType
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerHostInfo
from temporalio.api.workflowservice.v1 import RecordWorkerHeartbeatRequest

NAMESPACE = "load"
TEMPORAL_NAMESPACE = "orders-prod"
LOOK_SECONDS = 30
"""From one look of the operator at everything, and at Temporal, to the next."""

PATIENCE_S = 900
MB = 1_000_000

_OPERATOR = Path(__file__).parents[1] / "services" / "operator"
_KUBECTL = Path(sys.executable).with_name("kubectl")
_ACCOUNT = f"system:serviceaccount:{NAMESPACE}:ameide-operator"
_CALLS = re.compile(
    # GetSystemInfo names no namespace; metrics take no hyphen.
    rf'^service_requests\{{namespace="(?:{TEMPORAL_NAMESPACE.replace("-", "_")}|_unknown_)",'
    r'operation="(\w+)",service_name="frontend"\} (\d+)',
    re.MULTILINE,
)
_HEARTBEATS = 100
"""In one call."""


def config_of(kubeconfig: Path) -> SingleConfig:
    """A way in."""
    config = KubeConfig.from_file(kubeconfig).get()
    assert config is not None
    return config


def resources(number: int, temporal: str) -> list[dict[str, Any]]:
    """Resources with worker and ingress, each with a task queue of its own."""
    names = [f"orders-{each}" for each in range(number)]
    return [process_resource(each, namespace=NAMESPACE, temporal=_connection(each, temporal)) for each in names]


def _connection(queue: str, address: str) -> dict[str, str]:
    return {"address": address, "namespace": TEMPORAL_NAMESPACE, "taskQueue": queue}


@dataclass
class Bed:
    """A control plane, and somebody who looks after its pods."""

    cluster: Kubernetes
    client: Any
    """lightkube's, as an administrator. Any: its overloads name unparameterized types."""

    def kubectl(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        command = [_KUBECTL, "--kubeconfig", self.cluster.kubeconfig, "--namespace", NAMESPACE, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def requests(self) -> Iterator[Mapping[str, Any]]:
        """Requests of the operator so far, each once."""
        seen: set[str] = set()
        for each in self.cluster.apiserver.requests():
            if each["user"]["username"] == _ACCOUNT and each["auditID"] not in seen:
                seen.add(each["auditID"])
                yield each

    def writes(self) -> list[str]:
        """Requests in the namespace so far that may change something, whosever they are."""
        found = [each for each in self.cluster.apiserver.writes() if mapping_at(each, "objectRef")]
        return [
            f"{each['verb']} {each['objectRef']['resource']} by {each['user']['username']}"
            for each in found
            if each["objectRef"].get("namespace") == NAMESPACE
        ]

    async def apply(self, manifest: Mapping[str, Any]) -> None:
        """Creates or changes an object."""
        await self.client.patch(
            KINDS[manifest["kind"]],
            manifest["metadata"]["name"],
            dict(manifest),
            namespace=NAMESPACE,
            patch_type=PatchType.APPLY,
            force=True,
        )


@asynccontextmanager
async def bed() -> AsyncGenerator[Bed]:
    """Starts one, with CRD and Role."""
    async with Kubernetes() as cluster:
        config = config_of(cluster.kubeconfig)
        it = Bed(cluster, AsyncClient(config=config, field_manager="benchmark"))
        it.kubectl("apply", "--server-side", "-f", str(_OPERATOR / "crd.yaml"))
        it.kubectl("create", "namespace", NAMESPACE)
        it.kubectl("create", "serviceaccount", "ameide-operator")
        it.kubectl("apply", "-f", str(_OPERATOR / "role.yaml"))
        account = f"--serviceaccount={NAMESPACE}:ameide-operator"
        it.kubectl("create", "rolebinding", "ameide-operator", "--role=ameide-operator", account)
        it.kubectl("wait", "--for=condition=Established", "crd/processes.ameide.io")
        kubelet = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ameide_operator.testing", NAMESPACE),
            env=os.environ | cluster.environment(),
            stdout=subprocess.PIPE,
        )
        try:
            assert kubelet.stdout is not None
            await kubelet.stdout.readline()
            yield it
        finally:
            kubelet.kill()
            await kubelet.wait()
            await it.client.close()


@dataclass
class Running:
    """An operator in a process of its own."""

    process: psutil.Process

    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        used = self.process.cpu_times()
        return used.user + used.system

    def highest_mb(self) -> float:
        """The most memory that was ever resident."""
        (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(line) * 1024 / MB

    def mb(self) -> float:
        """Resident memory."""
        return self.process.memory_info().rss / MB


@asynccontextmanager
async def operator(bed: Bed) -> AsyncGenerator[Running]:
    """Runs it with the rights of the shipped Role alone, and waits until it has started."""
    kubeconfig = bed.cluster.data_dir / "operator.kubeconfig"
    token = bed.kubectl("create", "token", "ameide-operator", "--duration=24h")
    bed.cluster.write_kubeconfig(kubeconfig, token=token, namespace=NAMESPACE)
    log = bed.cluster.data_dir / f"operator-{time.time_ns()}.log"
    looks = {"resync_seconds": LOOK_SECONDS, "monitor_seconds": LOOK_SECONDS}
    async with operator_process(kubeconfig, NAMESPACE, log=log, **looks) as process:

        def started() -> bool:
            if process.returncode is not None:
                raise RuntimeError(f"the operator ended: {log.read_text()[-2000:]}")
            return "operator started" in log.read_text()

        await wait_for(started, timeout_s=60)
        yield Running(psutil.Process(process.pid))


@asynccontextmanager
async def workers(server: TemporalDevServer, queues: Iterable[str]) -> AsyncGenerator[None]:
    """Stands in for workers: tells Temporal that somebody polls each queue."""
    client = await server.connect()
    heartbeats = [
        WorkerHeartbeat(
            worker_instance_key=queue,
            task_queue=queue,
            status=WorkerStatus.WORKER_STATUS_RUNNING,
            host_info=WorkerHostInfo(host_name=queue),
        )
        for queue in queues
    ]

    async def beat() -> None:
        while True:
            for first in range(0, len(heartbeats), _HEARTBEATS):
                some = heartbeats[first : first + _HEARTBEATS]
                for each in some:
                    each.heartbeat_time.FromDatetime(datetime.now(UTC))
                request = RecordWorkerHeartbeatRequest(
                    namespace=TEMPORAL_NAMESPACE, identity="workers", worker_heartbeat=some
                )
                await client.workflow_service.record_worker_heartbeat(request)
            await asyncio.sleep(LOOK_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


async def temporal_calls(server: TemporalDevServer) -> Counter[str]:
    """Calls that the frontend has got so far, by operation, without those of workers."""
    url = f"http://{server.address.partition(':')[0]}:{server.port('metrics')}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        page = await answer.text()
    calls: Counter[str] = Counter()
    for operation, number in _CALLS.findall(page):
        if operation != "RecordWorkerHeartbeat" and not operation.startswith("Poll"):
            calls[operation] += int(number)
    return calls


@dataclass
class Watched:
    """What a watch has seen of the objects of a kind."""

    fits: Callable[[Body], bool]
    """Whether an object is as it should be."""
    fitting: set[str] = field(default_factory=set[str])
    """Names of those that are."""
    waiting: list[tuple[Callable[[Body], bool], asyncio.Future[float]]] = field(default_factory=list[Any])

    async def follow(self, bed: Bed, kind: str) -> None:
        """Watches until cancelled."""
        while True:
            with suppress(httpx2.HTTPError):  # the kind is not served yet, or the watch broke
                async for _, body in bed.client.watch(KINDS[kind], namespace=NAMESPACE, resource_version="0"):
                    self._see(body)
            await asyncio.sleep(0.1)

    def _see(self, body: Body) -> None:
        (self.fitting.add if self.fits(body) else self.fitting.discard)(body["metadata"]["name"])
        for wanted, moment in self.waiting:
            if not moment.done() and wanted(body):
                moment.set_result(time.perf_counter())
        self.waiting = [each for each in self.waiting if not each[1].done()]

    async def until(self, number: int) -> None:
        """Waits until so many are as they should be."""
        await wait_for(lambda: len(self.fitting) >= number, timeout_s=PATIENCE_S)

    def moment(self, name: str, condition: str, status: str, reason: str) -> asyncio.Future[float]:
        """When a condition of a Process is so for the next time, however short that lasts."""
        moment: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def stands(body: Body) -> bool:
            return body["metadata"]["name"] == name and any(
                (each["type"], each["status"], each["reason"]) == (condition, status, reason)
                for each in list_at(body, "status", "conditions")
            )

        self.waiting.append((stands, moment))
        return moment


@asynccontextmanager
async def watched(bed: Bed, kind: str, fits: Callable[[Body], bool]) -> AsyncGenerator[Watched]:
    """Watches a kind."""
    found = Watched(fits)
    following = asyncio.create_task(found.follow(bed, kind))
    try:
        yield found
    finally:
        following.cancel()


def is_ready(body: Body) -> bool:
    """Whether all conditions of a Process are right."""
    conditions = {each["type"]: each["status"] for each in list_at(body, "status", "conditions")}
    return len(conditions) >= 8 and set(conditions.values()) == {"True"} and "Reconciling" not in conditions


def is_available(body: Body) -> bool:
    """Whether the pods of a Deployment are ready."""
    return mapping_at(body, "status").get("availableReplicas", 0) >= mapping_at(body, "spec").get("replicas", 1)


def secret(name: str, content: Mapping[str, bytes]) -> dict[str, Any]:
    """A Secret."""
    data = {key: base64.b64encode(value).decode() for key, value in content.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data}

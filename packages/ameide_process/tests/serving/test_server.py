from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from ameide_process.configuration import HttpSettings, StartupError
from ameide_process.contract import ProcessContract, WorkflowKind
from ameide_process.serving import HttpServer, Readiness
from ameide_process.telemetry import Telemetry
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy

CONTRACT = ProcessContract(
    name="p",
    workflow_type="P",
    default_task_queue="q",
    api_major=1,
    api_minor=2,
    kind=WorkflowKind.ENTITY,
    reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    dedupe_window=4096,
    cases=(),
    subscriptions=(),
    digest="d",
)


def server(readiness: Readiness, port: int = 0, metrics: Callable[[], Awaitable[bytes]] | None = None) -> HttpServer:
    async def nothing() -> bytes:
        return b""

    return HttpServer(
        HttpSettings("127.0.0.1", port),
        contract=CONTRACT,
        task_queue="q",
        readiness=readiness,
        metrics=metrics or nothing,
    )


async def test_endpoints():
    readiness = Readiness()
    check = readiness.add("temporal")
    async with server(readiness) as running, aiohttp.ClientSession(f"http://127.0.0.1:{running.port}") as http:
        async with http.get("/healthz") as response:
            assert response.status == 200
        async with http.get("/readyz") as response:
            assert response.status == 503
            assert await response.json() == {
                "ready": False,
                "checks": [{"name": "temporal", "ok": False, "reason": "starting"}],
            }
        check.passed("the topic keeps records longer than the namespace keeps histories")
        async with http.get("/readyz") as response:
            assert response.status == 200
            assert "keeps records longer" in await response.text()
        check.failed("connection refused")
        async with http.get("/readyz") as response:
            assert response.status == 503
            assert (await response.json())["checks"][0]["reason"] == "connection refused"
        async with http.get("/contract") as response:
            assert await response.json() == {
                "name": "p",
                "workflowType": "P",
                "taskQueue": "q",
                "apiVersion": "1.2",
                "digest": "d",
            }


async def test_a_program_without_checks_is_not_ready():
    async with (
        server(Readiness()) as running,
        aiohttp.ClientSession(f"http://127.0.0.1:{running.port}") as http,
        http.get("/readyz") as response,
    ):
        assert response.status == 503


async def test_a_taken_port_is_a_start_up_error():
    async with server(Readiness()) as first:
        with pytest.raises(StartupError, match="cannot listen on it"):
            async with server(Readiness(), first.port):
                pass


async def test_our_metrics_and_the_sdks_stand_on_one_page():
    telemetry = Telemetry(CONTRACT)
    telemetry.runtime.metric_meter.create_counter("sdk_says", "d", "u").add(3)
    async with (
        server(Readiness(), metrics=telemetry.render) as running,
        aiohttp.ClientSession(f"http://127.0.0.1:{running.port}") as http,
        http.get("/metrics") as response,
    ):
        page = await response.text()
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    await telemetry.close()
    assert "process_resident_memory_bytes" in page
    assert "sdk_says_total" in page
    assert 'ameide_process_info{api_version="1.2",digest="d",process="p",workflow_type="P"} 1.0' in page
    # A page that Prometheus can read: each family is introduced once.
    introduced = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
    assert len(introduced) == len(set(introduced))


def test_a_check_has_one_owner():
    readiness = Readiness()
    readiness.add("temporal")
    with pytest.raises(ValueError, match="registered already"):
        readiness.add("temporal")

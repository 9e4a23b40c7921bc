"""A worker program against the full Temporal server: plain, TLS, client certificates, tokens, and each refused."""

import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest
from ameide_devstack import Program, TemporalDevServer, TemporalSecurity, TemporalServer
from ameide_devstack.testing import wait_until
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest

pytestmark = pytest.mark.e2e

WORKER = "order_fulfillment_generated.worker"


@pytest.fixture(scope="module", params=list(TemporalSecurity), ids=lambda security: security.name.lower())
async def temporal(request: pytest.FixtureRequest) -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(security=request.param, namespace="orders") as server:
        yield server


@pytest.fixture(scope="module")
async def mutual() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(security=TemporalSecurity.MUTUAL_TLS, namespace="orders") as server:
        yield server


@pytest.fixture(scope="module")
async def guarded() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(security=TemporalSecurity.MUTUAL_TLS_AND_TOKEN, namespace="orders") as server:
        yield server


def worker(environment: Mapping[str, str], folder: Path, *, wait_until_ready: bool = True) -> Program:
    """A worker program; its dead-letter stream is never used here, so nothing listens there."""
    outputs = folder / "outputs.json"
    stream = {"kind": "kafka", "bootstrapServers": "127.0.0.1:1", "topic": "dead-letter"}
    outputs.write_text(json.dumps({"dead-letter": stream}))
    return Program(
        WORKER, {**environment, "OUTPUT_CONFIG": str(outputs)}, data_dir=folder, wait_until_ready=wait_until_ready
    )


async def reason(program: Program, check: str) -> str:
    """Waits until a check fails for a reason of its own, and returns it."""

    async def failing() -> str:
        status, body = await program.get("/readyz")
        (found,) = (each for each in json.loads(body)["checks"] if each["name"] == check)
        return found["reason"] if status == 503 and not found["ok"] and found["reason"] != "starting" else ""

    return await wait_until(failing, timeout_s=30)


async def test_a_worker_polls_in_every_mode(temporal: TemporalServer, tmp_path: Path) -> None:
    async with worker(temporal.environment(), tmp_path) as program:
        status, body = await program.get("/readyz")
    assert status == 200
    assert all(check["ok"] for check in json.loads(body)["checks"])


async def test_plain_text_to_a_secured_server_is_named(mutual: TemporalServer, tmp_path: Path) -> None:
    environment = {"TEMPORAL_ADDRESS": mutual.address, "TEMPORAL_NAMESPACE": "orders"}
    async with worker(environment, tmp_path, wait_until_ready=False) as program:
        assert "set TEMPORAL_TLS=true" in await reason(program, "temporal")


async def test_tls_to_a_plain_server_is_named(tmp_path: Path) -> None:
    async with TemporalDevServer() as plain:
        environment = {**plain.environment(), "TEMPORAL_TLS": "true"}
        async with worker(environment, tmp_path, wait_until_ready=False) as program:
            assert await reason(program, "temporal") == (
                f"cannot connect to Temporal at {plain.address}: it does not speak TLS; set TEMPORAL_TLS=false and "
                "unset TEMPORAL_TLS_*, or use the address where it speaks TLS"
            )


async def test_a_certificate_for_another_name_is_named(mutual: TemporalServer, tmp_path: Path) -> None:
    environment = {**mutual.environment(), "TEMPORAL_TLS_SERVER_NAME": "another.example"}
    async with worker(environment, tmp_path, wait_until_ready=False) as program:
        assert "set TEMPORAL_TLS_SERVER_NAME" in await reason(program, "temporal")


async def test_a_server_of_an_unknown_authority_is_named(mutual: TemporalServer, tmp_path: Path) -> None:
    environment = mutual.environment() | {"TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(mutual.foreign_authority.certificate)}
    async with worker(environment, tmp_path, wait_until_ready=False) as program:
        assert "set TEMPORAL_TLS_SERVER_CA_CERT_PATH" in await reason(program, "temporal")


@pytest.mark.parametrize("which", ["foreign_client", "expired_client"])
async def test_a_refused_client_certificate_is_named(mutual: TemporalServer, tmp_path: Path, which: str) -> None:
    environment = mutual.environment(client=getattr(mutual, which))
    async with worker(environment, tmp_path, wait_until_ready=False) as program:
        assert "check" in (seen := await reason(program, "temporal"))
        assert "TEMPORAL_TLS_CLIENT_CERT_PATH" in seen
        assert mutual.address in seen


async def test_a_missing_token_is_named(guarded: TemporalServer, tmp_path: Path) -> None:
    async with worker(guarded.environment(token=""), tmp_path, wait_until_ready=False) as program:
        assert "TEMPORAL_API_KEY" in await reason(program, "temporal")


async def test_a_token_for_another_namespace_is_named(guarded: TemporalServer, tmp_path: Path) -> None:
    token = guarded.tokens.token("billing:write")
    async with worker(guarded.environment(token=token), tmp_path, wait_until_ready=False) as program:
        seen = await reason(program, "temporal")
        assert "refuses us in namespace 'orders'" in seen
        assert token not in seen


async def test_an_absent_namespace_is_named_and_found_once_it_is_there(mutual: TemporalServer, tmp_path: Path) -> None:
    environment = mutual.environment() | {"TEMPORAL_NAMESPACE": "absent"}
    async with worker(environment, tmp_path, wait_until_ready=False) as program:
        assert "no namespace 'absent'" in await reason(program, "temporal")
        client = await mutual.connect()
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(namespace="absent", workflow_execution_retention_period=Duration(seconds=86_400))
        )

        async def ready() -> bool:
            return (await program.get("/readyz"))[0] == 200

        await wait_until(ready, timeout_s=60)

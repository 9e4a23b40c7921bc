"""How Temporal and its namespace stand, said in conditions, against a full Temporal server and a real API server."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import KeyPair, TemporalSecurity, TemporalServer
from ameide_devstack.testing import wait_until
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest

pytestmark = pytest.mark.e2e

ADMIN = "temporal-system:admin"


@pytest.fixture(scope="module")
async def plain() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(namespace="orders-prod") as server:
        yield server


@pytest.fixture(scope="module")
async def guarded() -> AsyncGenerator[TemporalServer]:
    security = TemporalSecurity.MUTUAL_TLS_AND_TOKEN
    async with TemporalServer(security=security, namespace="orders-prod", more_namespaces=["billing"]) as server:
        yield server


async def secret(bed: Any, name: str, content: Mapping[str, str | bytes]) -> None:
    """Creates or replaces a Secret."""
    data = {
        key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in content.items()
    }
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}
    await bed.run("apply", "-f", "-", content=json.dumps(manifest))


def files(pair: KeyPair, authority: Path) -> dict[str, bytes]:
    return {
        "tls.crt": pair.certificate.read_bytes(),
        "tls.key": pair.key.read_bytes(),
        "ca.crt": authority.read_bytes(),
    }


def temporal(address: str, **more: Any) -> dict[str, Any]:
    return {"temporal": {"address": address, "namespace": "orders-prod", **more}}


def secured(server: TemporalServer, **more: Any) -> dict[str, Any]:
    key = {"name": "temporal-key", "key": "token"}
    return temporal(server.address, tls={"mode": "mTLS", "secretRef": "temporal-mtls"}, apiKeySecretRef=key, **more)


async def secrets(
    bed: Any,
    server: TemporalServer,
    *,
    client: KeyPair | None = None,
    authority: Path | None = None,
    token: str | bytes,
) -> None:
    chosen = files(client or server.client, authority or server.authority.certificate)
    await secret(bed, "temporal-mtls", chosen)
    await secret(bed, "temporal-key", {"token": token})


async def test_all_is_well(bed: Any, plain: TemporalServer):
    await bed.apply(**temporal(plain.address))
    ready = await bed.until("Ready", "True", "Available")
    assert ready["message"] == "the process runs"
    conditions = await bed.conditions()
    assert conditions["TemporalReady"]["message"] == f"{plain.address} answers"
    assert conditions["NamespaceReady"]["message"] == "namespace 'orders-prod' is there"
    assert set(conditions).isdisjoint({"Reconciling", "Stalled"})
    assert "condition met" in await bed.run("wait", "process/orders", "--for=condition=Ready", "--timeout=5s")
    assert (await bed.run("get", "process")).split()[-5:-1] == ["True", "1/1", "1/1", "Available"]


async def test_absent_namespace(bed: Any, plain: TemporalServer):
    await bed.apply(**temporal(plain.address, namespace="nowhere"))
    condition = await bed.until("NamespaceReady", "False", "NotFound")
    assert "Temporal has no namespace 'nowhere'; register it" in condition["message"]
    conditions = await bed.conditions()
    assert conditions["TemporalReady"]["status"] == "True"
    assert conditions["Ready"]["reason"] == "NotFound"


async def test_unreachable_leaves_pods_running_and_recovers(bed: Any):
    async with TemporalServer(namespace="orders-prod") as server:
        await bed.apply(**temporal(server.address))
        await bed.until("Ready", "True", "Available")
        before = await bed.run("get", "pods", "-o", "name")
        await server.kill()
        condition = await bed.until("TemporalReady", "False", "DialFailed")
        assert server.address in condition["message"]
        assert (await bed.conditions())["NamespaceReady"]["status"] == "Unknown"
        assert (await bed.conditions())["WorkerReady"]["status"] == "True"
        assert await bed.run("get", "pods", "-o", "name") == before
        await server.start()
        await bed.until("Ready", "True", "Available")


async def test_peer_that_says_nothing_holds_nobody_up(bed: Any, plain: TemporalServer):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        await bed.apply("silent", **temporal(address))
        await bed.apply("orders", **temporal(plain.address))
        await bed.until("Ready", "True", "Available")
        condition = await bed.until("TemporalReady", "False", "DialFailed", name="silent")
        assert "does not answer" in condition["message"]


async def test_credentials(bed: Any, guarded: TemporalServer):
    """One bed for all: a new content of the Secret is a new connection, and a reason goes when its cause does."""
    token = guarded.tokens.token("orders-prod:write")
    await secrets(bed, guarded, token=token)
    await bed.apply(**secured(guarded))
    await bed.until("Ready", "True", "Available")
    cases: list[tuple[dict[str, Any], str, str, str]] = [
        (
            {"client": guarded.foreign_client, "token": token},
            "TemporalReady",
            "TLSHandshakeFailed",
            "refuses the client",
        ),
        (
            {"authority": guarded.foreign_authority.certificate, "token": token},
            "TemporalReady",
            "TLSHandshakeFailed",
            "is not trusted",
        ),
        ({"token": "nonsense"}, "TemporalReady", "Unauthorized", "spec.temporal.apiKeySecretRef"),
        ({"token": b"\xff"}, "TemporalReady", "Unauthorized", "key 'token' of Secret 'temporal-key'"),
        ({"token": guarded.tokens.token("billing:write")}, "NamespaceReady", "Unauthorized", "may not use namespace"),
        ({"token": token}, "Ready", "Available", "the process runs"),
    ]
    for content, condition, reason, words in cases:
        await secrets(bed, guarded, **content)
        await bed.until(condition, "True" if reason == "Available" else "False", reason, words)


async def test_certificate_of_another_name(bed: Any, guarded: TemporalServer):
    await secrets(bed, guarded, token=guarded.tokens.token("orders-prod:write"))
    spec = secured(guarded)
    spec["temporal"]["tls"]["serverName"] = "temporal.elsewhere"
    await bed.apply(**spec)
    condition = await bed.until("TemporalReady", "False", "TLSHandshakeFailed")
    assert "spec.temporal.tls.serverName" in condition["message"]


async def test_plain_text_where_tls_is_wanted_and_the_reverse(bed: Any, guarded: TemporalServer, plain: TemporalServer):
    await bed.apply("clear", **temporal(guarded.address))
    condition = await bed.until("TemporalReady", "False", "TLSHandshakeFailed", name="clear")
    assert "set spec.temporal.tls, with mode mTLS" in condition["message"]
    await bed.apply("tls", **temporal(plain.address, tls={"mode": "TLS"}))
    condition = await bed.until("TemporalReady", "False", "TLSHandshakeFailed", name="tls")
    assert "remove spec.temporal.tls" in condition["message"]


async def test_client_certificate_that_is_wanted(bed: Any, guarded: TemporalServer):
    await secret(bed, "temporal-ca", {"ca.crt": guarded.authority.certificate.read_bytes()})
    await bed.apply(**temporal(guarded.address, tls={"mode": "TLS", "secretRef": "temporal-ca"}))
    condition = await bed.until("TemporalReady", "False", "TLSHandshakeFailed")
    assert "wants a client certificate; set spec.temporal.tls.mode to mTLS" in condition["message"]


async def retention_days(server: TemporalServer, namespace: str) -> int:
    client = await server.connect(token=server.operator_token())
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    return described.config.workflow_execution_retention_ttl.ToTimedelta().days


def managed(retention: str, **more: Any) -> dict[str, Any]:
    return {"namespaceManagement": {"mode": "EnsureSelfHosted", "retention": retention, **more}}


async def test_namespace_is_registered_raised_and_never_shortened(bed: Any, plain: TemporalServer):
    await bed.apply(**temporal(plain.address, namespace="made", **managed("3d")))
    await bed.until("NamespaceReady", "True", "Available")
    assert await retention_days(plain, "made") == 3
    await bed.apply(**temporal(plain.address, namespace="made", **managed("5d")))

    async def raised() -> bool:
        return await retention_days(plain, "made") == 5

    await wait_until(raised)
    await bed.apply(**temporal(plain.address, namespace="made", **managed("2d")))
    condition = await bed.until("NamespaceReady", "True", "RetentionDrift")
    assert "keeps closed workflows for 5 days, spec says 2; it is never shortened" in condition["message"]
    assert await retention_days(plain, "made") == 5
    assert (await bed.conditions())["Ready"]["reason"] == "RetentionDrift"
    await bed.run("delete", "process", "orders")
    assert await retention_days(plain, "made") == 5


async def test_namespace_is_managed_with_credentials_of_its_own(bed: Any, guarded: TemporalServer):
    await secrets(bed, guarded, token=guarded.tokens.token("secured:write"))
    spec = secured(guarded, **managed("3d"))
    spec["temporal"]["namespace"] = "secured"
    await bed.apply(**spec)
    condition = await bed.until("NamespaceReady", "False", "Unauthorized")
    assert "spec.temporal.namespaceManagement.adminSecretRef" in condition["message"]
    await secret(bed, "temporal-admin", {"api-key": guarded.tokens.token(ADMIN)})
    admin = files(guarded.client, guarded.authority.certificate) | {"api-key": guarded.tokens.token(ADMIN).encode()}
    spec["temporal"]["namespaceManagement"]["adminSecretRef"] = "temporal-admin"
    await bed.apply(**spec)
    condition = await bed.until("SecretsReady", "False", "SecretKeyMissing")
    assert "has no key 'tls.crt' and 'tls.key'; add them" in condition["message"]
    await secret(bed, "temporal-admin", admin)
    await bed.until("Ready", "True", "Available")
    assert await retention_days(guarded, "secured") == 3


async def test_oldest_resource_decides_on_a_shared_namespace(bed: Any, plain: TemporalServer):
    await bed.apply("first", **temporal(plain.address, namespace="shared", **managed("3d")))
    await bed.until("NamespaceReady", "True", "Available", name="first")
    await asyncio.sleep(1.1)  # ages are told in seconds
    await bed.apply("second", **temporal(plain.address, namespace="shared", **managed("9d")))
    condition = await bed.until("NamespaceReady", "True", "RetentionConflict", name="second")
    assert condition["message"] == (
        f"{bed.namespace}/first is older and decides on this namespace: its spec asks for a retention of 3d, this one "
        "for 9d; make both say the same"
    )
    assert await retention_days(plain, "shared") == 3

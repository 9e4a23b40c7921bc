"""Who is let in by the full Temporal server, in each of its modes."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from ameide_devstack import ServerStartError, TemporalSecurity, TemporalServer, TokenIssuer, ToolMissingError
from ameide_devstack.testing import wait_until
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, ListNamespacesRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
async def plain() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer() as server:
        yield server


@pytest.fixture(scope="module")
async def tls() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(security=TemporalSecurity.TLS) as server:
        yield server


@pytest.fixture(scope="module")
async def mutual() -> AsyncGenerator[TemporalServer]:
    async with TemporalServer(security=TemporalSecurity.MUTUAL_TLS) as server:
        yield server


@pytest.fixture(scope="module")
async def guarded() -> AsyncGenerator[TemporalServer]:
    security = TemporalSecurity.MUTUAL_TLS_AND_TOKEN
    async with TemporalServer(security=security, namespace="orders", more_namespaces=["billing"]) as server:
        yield server


async def start_one(client: Client, workflow_id: str) -> str:
    """Do what a process does; a connection alone does not prove that one may."""
    handle = await client.start_workflow("Nobody", id=workflow_id, task_queue="nobody")
    return (await handle.describe()).id


async def describe(client: Client, namespace: str) -> str:
    request = DescribeNamespaceRequest(namespace=namespace)
    return (await client.workflow_service.describe_namespace(request)).namespace_info.name


async def code_of(client: Client, namespace: str) -> RPCStatusCode:
    with pytest.raises(RPCError) as caught:
        await describe(client, namespace)
    return caught.value.status


async def test_plain_takes_anyone(plain: TemporalServer):
    assert set(plain.environment()) == {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
    assert await start_one(await plain.connect(), "plain") == "plain"


async def test_plain_client_is_refused_by_tls(tls: TemporalServer, mutual: TemporalServer):
    for server in (tls, mutual):
        with pytest.raises(RuntimeError, match="Failed client connect"):
            await Client.connect(server.address)


async def test_tls_needs_no_client_certificate(tls: TemporalServer):
    assert "TEMPORAL_TLS_CLIENT_CERT_PATH" not in tls.environment()
    assert await start_one(await tls.connect(), "tls") == "tls"


async def test_client_refuses_a_server_of_another_authority(tls: TemporalServer, mutual: TemporalServer):
    for server in (tls, mutual):
        with pytest.raises(RuntimeError, match=r"InvalidCertificate\(UnknownIssuer\)"):
            await Client.connect(
                server.address, tls=TLSConfig(server_root_ca_cert=server.foreign_authority.certificate.read_bytes())
            )


async def test_client_refuses_a_server_of_another_name():
    async with TemporalServer(security=TemporalSecurity.TLS, certificate_hosts=["temporal.internal"]) as server:
        assert server.environment()["TEMPORAL_TLS_SERVER_NAME"] == "temporal.internal"
        assert await start_one(await server.connect(), "named") == "named"
        with pytest.raises(RuntimeError, match=r"InvalidCertificate\(NotValidForName"):
            await Client.connect(
                server.address, tls=TLSConfig(server_root_ca_cert=server.authority.certificate.read_bytes())
            )


async def test_mutual_tls_takes_its_own_client_only(mutual: TemporalServer):
    assert await start_one(await mutual.connect(), "mutual") == "mutual"
    for wrong in (mutual.foreign_client, mutual.expired_client):
        with pytest.raises(RuntimeError, match="Failed client connect"):
            await mutual.connect(client=wrong)
    with pytest.raises(RuntimeError, match="Failed client connect"):
        await Client.connect(
            mutual.address, tls=TLSConfig(server_root_ca_cert=mutual.authority.certificate.read_bytes())
        )


async def test_renewed_certificate_is_taken(mutual: TemporalServer):
    renewed = mutual.authority.issue_client("renewed", valid_for=timedelta(hours=1))
    assert await start_one(await mutual.connect(client=renewed), "renewed") == "renewed"
    mixed = replace(renewed, key=mutual.client.key)
    with pytest.raises(RuntimeError, match=r"KeyMismatch|keys may not be consistent"):
        await mutual.connect(client=mixed)


async def test_token_is_required_beside_the_certificate(guarded: TemporalServer):
    assert await code_of(await guarded.connect(token=""), "orders") is RPCStatusCode.PERMISSION_DENIED
    with pytest.raises(RuntimeError, match="Failed client connect"):
        await guarded.connect(client=guarded.foreign_client)


async def test_token_lets_in_where_it_says(guarded: TemporalServer):
    client = await guarded.connect()
    assert await start_one(client, "guarded") == "guarded"
    assert await describe(client, "billing") == "billing"
    assert await start_one(await guarded.connect(namespace="billing"), "guarded") == "guarded"
    narrow = await guarded.connect(token=guarded.tokens.token("billing:write"))
    assert await describe(narrow, "billing") == "billing"
    assert await code_of(narrow, "orders") is RPCStatusCode.PERMISSION_DENIED


async def test_reader_may_not_write(guarded: TemporalServer):
    reader = await guarded.connect(token=guarded.tokens.token("orders:read"))
    assert await describe(reader, "orders") == "orders"
    with pytest.raises(RPCError) as caught:
        await start_one(reader, "reader")
    assert caught.value.status is RPCStatusCode.PERMISSION_DENIED


async def test_token_without_permissions_is_refused(guarded: TemporalServer):
    client = await guarded.connect(token=guarded.tokens.token())
    assert await code_of(client, "orders") is RPCStatusCode.PERMISSION_DENIED


async def test_broken_tokens_are_refused(guarded: TemporalServer, tmp_path: Path):
    client = await guarded.connect()
    stranger = TokenIssuer(tmp_path)
    for token in (
        guarded.tokens.token("orders:write", valid_for=-timedelta(minutes=5)),
        stranger.token("orders:write"),
        "not.a.token",
    ):
        with pytest.raises(RuntimeError, match="code: PermissionDenied"):
            await guarded.connect(token=token)
        client.api_key = token
        assert await code_of(client, "orders") is RPCStatusCode.PERMISSION_DENIED


async def test_operator_sees_the_cluster(guarded: TemporalServer):
    operator = await guarded.connect(token=guarded.operator_token())
    listed = await operator.workflow_service.list_namespaces(ListNamespacesRequest())
    assert {"orders", "billing"} <= {namespace.namespace_info.name for namespace in listed.namespaces}
    assert await code_of(operator, "absent") is RPCStatusCode.NOT_FOUND
    with pytest.raises(RPCError) as caught:
        await (await guarded.connect()).workflow_service.list_namespaces(ListNamespacesRequest())
    assert caught.value.status is RPCStatusCode.PERMISSION_DENIED


async def test_rotated_key_ends_earlier_tokens():
    async with TemporalServer(security=TemporalSecurity.MUTUAL_TLS_AND_TOKEN) as server:
        old = await server.connect()
        assert await describe(old, "default") == "default"
        server.tokens.rotate()

        async def refused() -> bool:
            try:
                await describe(old, "default")
            except RPCError as error:
                return error.status is RPCStatusCode.PERMISSION_DENIED
            return False

        assert await wait_until(refused)
        assert await start_one(await server.connect(), "fresh") == "fresh"


async def test_state_survives_kill_restart_and_another_owner(tmp_path: Path):
    security = TemporalSecurity.MUTUAL_TLS_AND_TOKEN
    async with TemporalServer(security=security, data_dir=tmp_path) as server:
        pid, address = server.pid, server.address
        await start_one(await server.connect(), "kept")
        await server.kill()
        await server.start()
        assert server.address == address
        await server.restart()
        assert (await (await server.connect()).get_workflow_handle("kept").describe()).id == "kept"
        last = server.pid
        await server.kill()
    assert not psutil.pid_exists(pid)
    assert not psutil.pid_exists(last)
    async with TemporalServer(data_dir=tmp_path) as server:
        assert (await (await server.connect()).get_workflow_handle("kept").describe()).id == "kept"
        assert server.address != address
        await server.stop()
        # It ended by itself, though the killed one had left members behind on ports that are gone.
        assert server.log_path.read_text().rstrip().endswith("All services are stopped.")


async def test_dynamic_config_reaches_the_server():
    async with TemporalServer(dynamic_config={"history.maximumSignalsPerExecution": 1}) as server:
        handle = await (await server.connect()).start_workflow("Nobody", id="one", task_queue="nobody")
        await handle.signal("a")
        with pytest.raises(RPCError, match="exceeded workflow execution limit for signal events"):
            await handle.signal("b", rpc_timeout=timedelta(seconds=5))


async def test_refusal_of_the_binary_is_quoted(tmp_path: Path):
    (tmp_path / "temporal.db").write_text("this is no database, but it is long enough to be looked at" * 100)
    with pytest.raises(ServerStartError, match=r"(?s)temporal-server exited .*  \| .*file is not a database"):
        async with TemporalServer(data_dir=tmp_path):
            pass


async def test_missing_go_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("AMEIDE_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolMissingError, match=r"no 'go' on PATH, which the build of temporal-server-1\.32\.1 needs"):
        async with TemporalServer():
            pass

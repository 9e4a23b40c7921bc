import urllib.request
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from ameide_devstack import ServerStartError, TemporalDevServer
from ameide_devstack.testing import wait_until
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode


async def start_one(client: Client, workflow_id: str) -> str:
    handle = await client.start_workflow("Nobody", id=workflow_id, task_queue="nobody")
    return handle.result_run_id or ""


async def test_serves_its_namespace_and_is_gone_after_exit():
    async with TemporalDevServer(namespace="orders") as server:
        pid = server.pid
        client = await server.connect()
        assert client.namespace == "orders"
        run_id = await start_one(client, "one")
        description = await client.get_workflow_handle("one").describe()
        assert description.run_id == run_id
        with pytest.raises(RuntimeError, match="no web UI"):
            _ = server.ui_address
    assert not psutil.pid_exists(pid)
    with pytest.raises(RuntimeError, match="Failed client connect"):
        await server.connect()


async def test_environment_is_what_the_sdk_reads():
    async with TemporalDevServer(namespace="orders") as server:
        config = ClientConfig.load_client_connect_config(override_env_vars=server.environment())
        client = await Client.connect(**config)
        assert client.namespace == "orders"
        assert await start_one(client, "one")


async def test_memory_forgets_and_a_file_remembers(tmp_path: Path):
    async with TemporalDevServer() as forgetful, TemporalDevServer(db_filename=tmp_path / "t.db") as durable:
        assert forgetful.address != durable.address
        for server in (forgetful, durable):
            client = await server.connect()
            await start_one(client, "one")
            await server.kill()
            await server.start()
        with pytest.raises(RPCError) as caught:
            await (await forgetful.connect()).get_workflow_handle("one").describe()
        assert caught.value.status is RPCStatusCode.NOT_FOUND
        client = await durable.connect()
        assert (await client.get_workflow_handle("one").describe()).id == "one"
        await durable.restart()
        assert (await client.get_workflow_handle("one").describe()).id == "one"


async def test_dynamic_config_reaches_the_server():
    async with TemporalDevServer(dynamic_config={"history.maximumSignalsPerExecution": 2}) as server:
        client = await server.connect()
        handle = await client.start_workflow("Nobody", id="one", task_queue="nobody")
        await handle.signal("a")
        await handle.signal("b")
        with pytest.raises(RPCError, match="exceeded workflow execution limit for signal events"):
            await handle.signal("c", rpc_timeout=timedelta(seconds=5))


async def test_search_attributes_are_registered():
    keys = [SearchAttributeKey.for_keyword("Phase"), SearchAttributeKey.for_datetime("Due")]
    async with TemporalDevServer(search_attributes=keys) as server:
        client = await server.connect()
        request = ListSearchAttributesRequest(namespace=server.namespace)

        async def registered() -> bool:
            found = (await client.operator_service.list_search_attributes(request)).custom_attributes
            return (
                found.get("Phase") == IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
                and found.get("Due") == IndexedValueType.INDEXED_VALUE_TYPE_DATETIME
            )

        assert await wait_until(registered)


async def test_web_ui_answers():
    async with TemporalDevServer(ui=True) as server:
        with urllib.request.urlopen(server.ui_address, timeout=10) as page:  # noqa: ASYNC210, S310 # loopback
            assert b"<html" in page.read()


async def test_refusal_of_the_binary_is_quoted(tmp_path: Path):
    with pytest.raises(ServerStartError, match=r"(?s)temporal-dev-server exited with status 1 .*  \| .*no such folder"):
        async with TemporalDevServer(db_filename=tmp_path / "no such folder" / "t.db"):
            pass

"""From an annotated proto to a running process: its generated programs take events by HTTP, or from NATS."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import aiohttp
from ameide_devstack import NatsServer, TemporalDevServer
from ameide_devstack.testing import wait_until
from cloudevents.core.bindings.http import to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from nats.js import JetStreamContext
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

OPTION_PROTOS = Path(__file__).parents[1] / "packages/ameide_core_proto/src/ameide_core_proto"
HOST = "127.0.0.1"
TOKEN = "t0ken"  # noqa: S105 - of no one

PROTO = """\
syntax = "proto3";

package doors.v1;

import "ameide_core_proto/common/v1/eventing.proto";
import "ameide_core_proto/process/v1/process_options.proto";

option (ameide_core_proto.process.v1.process) = {
  name: "door-bell"
  workflow_type: "doors.DoorBell"
  default_task_queue: "door-bell"
  api_major: 1
  api_minor: 0
  ingress: {
    name: "bells"
    kind: "KIND"
  }
};

message Door {
  string id = 1 [(ameide_core_proto.process.v1.markers) = {workflow_key: true}];
}

message EventMeta {
  string idempotency_key = 1 [(ameide_core_proto.process.v1.markers) = {idempotency_key: true}];
  uint32 schema_version = 2 [(ameide_core_proto.process.v1.markers) = {schema_version: true}];
  Door door = 3;
}

message DoorEvent {
  EventMeta meta = 1;
  oneof payload {
    Rung rung = 2;
  }
}

message Rung {
  option (ameide_core_proto.process.v1.fact) = {};
  option (ameide_core_proto.common.v1.event_fact) = {type: "doors.Rung.v1"};
}

message DoorStartV1 {
  uint32 start_version = 1;
  Door door = 2;
}
"""

BUF_GEN = """
version: v2
plugins:
  - protoc_builtin: python
    protoc_path: [python, -m, grpc_tools.protoc]
    out: gen
    strategy: all
  - local: protoc-gen-process
    out: build
    opt: [part=processes, source_root=protos]
    strategy: all
"""

IMPL = """
from door_bell_generated.workflow import DoorBellProcess


class DoorBell(DoorBellProcess):
    rings = 0

    async def run(self, start):
        await self.until(lambda: self.rings == 2)

    async def on_rung(self, fact, meta):
        self.rings += 1
"""


def generate(root: Path, kind: str) -> None:
    """Writes the generated process, and the few lines that a person writes."""
    for folder in ("common", "process"):
        shutil.copytree(OPTION_PROTOS / folder, root / "options/ameide_core_proto" / folder)
    (root / "protos/doors/v1").mkdir(parents=True)
    (root / "protos/doors/v1/door.proto").write_text(PROTO.replace("KIND", kind))
    (root / "buf.yaml").write_text("version: v2\nmodules:\n  - path: options\n  - path: protos\n")
    (root / "buf.gen.yaml").write_text(BUF_GEN)
    scripts = sysconfig.get_path("scripts")
    done = subprocess.run(
        ["buf", "generate"],
        cwd=root,
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The installed distribution has the messages of the options and of the runtime.
    shutil.rmtree(root / "gen/ameide_core_proto", ignore_errors=True)
    (root / "impl/door_bell").mkdir(parents=True)
    (root / "impl/door_bell/__init__.py").touch()
    (root / "impl/door_bell/workflow_impl.py").write_text(IMPL)


@contextlib.asynccontextmanager
async def running(program: str, tree: Path, port: int, **environment: str) -> AsyncGenerator[None]:
    """Runs a generated main until the block ends; it is ready when the block begins, and ends by itself after it."""
    path = [tree / "gen", tree / "impl", tree / "build/door-bell/src"]
    log = tree / f"{program}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"door_bell_generated.{program}",
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, path)),
                "PORT_HTTP": str(port),
                "HTTP_HOST": HOST,
                "TERMINATION_LOG": str(tree / f"{program}.termination"),
                **environment,
            },
            stdout=output,
            stderr=output,
        )
    try:
        await wait_until(lambda: answers(port), timeout_s=60)
        yield
    except TimeoutError as error:
        raise AssertionError(log.read_text()) from error
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, log.read_text()


async def answers(port: int) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as http, http.get(f"http://{HOST}:{port}/readyz") as response:
            return response.status == 200
    return False


def rung(key: str) -> tuple[dict[str, str], bytes]:
    """An event as any producer with a CloudEvents SDK writes it: headers and body."""
    event = CloudEvent(
        {"specversion": "1.0", "type": "doors.Rung.v1", "source": "/porch", "id": key},
        {"meta": {"idempotencyKey": key, "schemaVersion": 1, "door": {"id": "front"}}, "rung": {}},
    )
    message = to_structured(event, JSONFormat())
    return dict(message.headers), message.body


async def post(http: aiohttp.ClientSession, url: str, key: str) -> tuple[int, dict[str, Any]]:
    headers, body = rung(key)
    async with http.post(url, data=body, headers={**headers, "Authorization": f"Bearer {TOKEN}"}) as got:
        return got.status, json.loads(await got.text() or "{}")


async def completed(client: Client) -> bool:
    try:
        described = await client.get_workflow_handle("door-bell/front").describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return described.status is WorkflowExecutionStatus.COMPLETED


async def test_a_generated_process_takes_its_events_by_http(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    tree = tmp_path
    generate(tree, "http")
    port = unused_tcp_port_factory()
    (tree / "token").write_text(f"{TOKEN}\n")
    ingress_config, output_config = tree / "ingress.yaml", tree / "outputs.yaml"
    ingress_config.write_text(f"bells: {{kind: http, port: {port}, bearerTokenFile: {tree / 'token'}}}\n")
    # A worker does not run without one; nothing is sent there here.
    output_config.write_text(f'dead-letter: {{kind: kafka, bootstrapServers: "{HOST}:1", topic: dead}}\n')
    url = f"http://{HOST}:{port}/events/bells"
    async with TemporalDevServer() as temporal, aiohttp.ClientSession() as http:
        environment = temporal.environment()
        outputs = {"OUTPUT_CONFIG": str(output_config)}
        bindings = {"INGRESS_CONFIG": str(ingress_config)}
        async with (
            running("worker", tree, unused_tcp_port_factory(), **environment, **outputs),
            running("ingress", tree, unused_tcp_port_factory(), **environment, **bindings),
        ):
            client = await temporal.connect()
            for _ in range(3):
                assert (await post(http, url, "first"))[0] == 202
            assert not await completed(client)
            assert (await post(http, url, "second"))[0] == 202
            await wait_until(lambda: completed(client))
            # The closed workflow knows what it applied.
            assert (await post(http, url, "first"))[0] == 202
            status, problem = await post(http, url, "third")
            assert (status, problem["reason"]) == (409, "late"), problem
    assert_says_no_secret(tree)


async def test_a_generated_process_takes_its_events_from_nats(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    tree = tmp_path
    generate(tree, "nats")
    (tree / "token").write_text(f"{TOKEN}\n")
    async with TemporalDevServer() as temporal, NatsServer(tls=True, token=TOKEN) as server:
        connection = {
            "kind": "nats",
            "servers": [server.address],
            "tls": {"caFile": str(server.authority.certificate)},
            "credentials": {"tokenFile": str(tree / "token")},
        }
        (tree / "ingress.yaml").write_text(json.dumps({"bells": {**connection, "stream": "bells"}}))
        (tree / "outputs.yaml").write_text(json.dumps({"dead-letter": {**connection, "subject": "dead.bells"}}))
        await server.create_stream("bells", ["bells.>"])
        await server.create_stream("dead", ["dead.>"])
        environment = {
            **temporal.environment(),
            "INGRESS_CONFIG": str(tree / "ingress.yaml"),
            "OUTPUT_CONFIG": str(tree / "outputs.yaml"),
        }
        client = await temporal.connect()
        async with running("worker", tree, unused_tcp_port_factory(), **environment), server.client() as nats:
            jetstream = JetStreamContext(nats)

            async def publish(*keys: str) -> None:
                for key in keys:
                    headers, body = rung(key)
                    await jetstream.publish("bells.front", body, headers=headers)

            async def acknowledged(last: int) -> bool:
                (consumer,) = await jetstream.consumers_info("bells") or (None,)
                return bool(consumer and consumer.ack_floor and consumer.ack_floor.stream_seq == last)

            async with running("ingress", tree, unused_tcp_port_factory(), **environment):
                await publish("first", "first", "first")
                await wait_until(lambda: acknowledged(3), timeout_s=60)
                assert not await completed(client)
            # The stream keeps them for the next program.
            await publish("first", "second")
            async with running("ingress", tree, unused_tcp_port_factory(), **environment):
                await wait_until(lambda: completed(client), timeout_s=60)
                await publish("third")
                await wait_until(lambda: acknowledged(6), timeout_s=60)
            # Its headers have no types.
            dead: Any = await jetstream.get_last_msg("dead", "dead.bells")
            assert dead.seq == 1, "only the one that came too late"
            assert dead.headers["dead-letter-reason"] == "late"
            assert json.loads(dead.data)["id"] == "third"
    assert_says_no_secret(tree)


def assert_says_no_secret(tree: Path) -> None:
    log = (tree / "ingress.log").read_text()
    assert TOKEN not in log
    assert "idempotencyKey" not in log
    assert all(json.loads(line) for line in log.splitlines())

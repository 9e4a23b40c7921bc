"""The commands as a shell runs them: what they print, how they end, what they leave behind."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaProducer  # pyright: ignore[reportMissingTypeStubs]
from ameide_devstack.__main__ import app
from ameide_devstack.testing import wait_for
from nats.aio.client import Client as NatsClient
from nats.js import JetStreamContext
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from typer.testing import CliRunner

COMMAND = [sys.executable, "-m", "ameide_devstack"]
EXIT_TIMEOUT_S = 30


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


class Running:
    """A command in the foreground of nobody, with what it printed up to its line of readiness."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.lines: list[str] = []
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if "is ready" in line:
                break
        else:
            pytest.fail(f"ended before it was ready: {self.lines}")
        self.server_pid = int(self.lines[-1].partition(", process ")[2].partition(",")[0])

    @property
    def variables(self) -> dict[str, str]:
        assignments = [line.removeprefix("export ") for line in self.lines if not line.startswith("#")]
        pairs = [shlex.split(assignment)[0].partition("=") for assignment in assignments]
        return {name: value for name, _, value in pairs}

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(EXIT_TIMEOUT_S)


@contextmanager
def running(*arguments: str) -> Generator[Running]:
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        try:
            yield Running(process)
        finally:
            process.kill()


async def described(variables: dict[str, str]) -> str:
    client = await Client.connect(
        **ClientConfig.load_client_connect_config(disable_file=True, override_env_vars=variables)
    )
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return answer.namespace_info.name


async def partitions_of(topic: str, variables: dict[str, str]) -> set[int]:
    producer: Any = AIOKafkaProducer(bootstrap_servers=variables["KAFKA_BOOTSTRAP_SERVERS"])  # it has few types
    async with producer:
        return await producer.partitions_for(topic)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_temporal_runs_until_asked_to_end(number: signal.Signals, tmp_path: Path):
    database = tmp_path / "t.db"
    with running("temporal", "--port", "0", "--no-ui", "--namespace", "orders", "--db-filename", str(database)) as it:
        assert await described(it.variables) == "orders"
        assert it.end(number) == 0
        assert not psutil.pid_exists(it.server_pid)
        assert database.exists()


async def test_kafka_creates_topics():
    with running("kafka", "--port", "0", "--topic", "orders:8", "--topic", "dead-letters") as it:
        assert await partitions_of("orders", it.variables) == set(range(8))
        assert await partitions_of("dead-letters", it.variables) == {0}
        assert it.end(signal.SIGINT) == 0


async def test_nats_creates_streams(tmp_path: Path):
    arguments = ("nats", "--port", "0", "--stream", "orders=orders.>", "--data-dir", str(tmp_path))
    for _ in range(2):
        with running(*arguments) as it:
            client = NatsClient()
            await client.connect(it.variables["NATS_URL"])
            jetstream = JetStreamContext(client)
            assert (await jetstream.stream_info("orders")).config.subjects == ["orders.>"]
            await client.close()
            assert it.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("stream", ["orders", "orders=", "=orders.>", "orders=a,,b"])
def test_wrong_stream_is_wrong_usage(stream: str):
    result = CliRunner().invoke(app, ["nats", "--stream", stream])
    assert result.exit_code == 2
    assert f"{stream!r} is not NAME=SUBJECT" in result.output


async def test_dying_server_is_a_failure():
    with running("kafka", "--port", "0") as it:
        os.kill(it.server_pid, signal.SIGKILL)
        assert it.process.wait(EXIT_TIMEOUT_S) == 1
        assert it.process.stderr is not None
        assert "embedded-kafka ended by itself with status -9" in it.process.stderr.read()


async def test_killed_command_takes_its_server_along():
    with running("kafka", "--port", "0") as it:
        assert it.end(signal.SIGKILL) == -signal.SIGKILL
        await wait_for(lambda: not psutil.pid_exists(it.server_pid))


def test_taken_port_is_a_failure():
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        result = run("kafka", "--port", str(port))
    assert result.returncode == 1
    assert result.stderr.startswith(f"ameide-devstack: embedded-kafka: port {port} of 127.0.0.1 is taken")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("topic", ["orders:none", "orders:0", ":3", "orders:"])
def test_wrong_topic_is_wrong_usage(topic: str):
    result = CliRunner().invoke(app, ["kafka", "--topic", topic])
    assert result.exit_code == 2
    assert f"{topic!r} is not NAME or NAME:PARTITIONS" in result.output


def test_build_without_its_tools_is_a_failure(tmp_path: Path):
    result = run("build", AMEIDE_CACHE_DIR=str(tmp_path), PATH=os.devnull)
    assert result.returncode == 1
    assert "no 'mvn' on PATH, which the build of apache-kafka-4.3.0 needs" in result.stderr


def test_help_names_every_command():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("temporal", "temporal-server", "kafka", "apache-kafka", "nats", "kubernetes", "build"):
        assert f" {command} " in result.output
        assert "Exit codes: 0 " in CliRunner().invoke(app, [command, "--help"]).output


@pytest.mark.e2e
async def test_temporal_server_prints_what_lets_a_client_in(tmp_path: Path):
    with running("temporal-server", "--port", "0", "--namespace", "orders", "--namespace", "billing") as it:
        assert "TEMPORAL_API_KEY" in it.variables
        assert await described(it.variables) == "orders"
        assert await described({**it.variables, "TEMPORAL_NAMESPACE": "billing"}) == "billing"
        assert it.end(signal.SIGTERM) == 0
    arguments = ("temporal-server", "--port", "0", "--security", "plain", "--data-dir", str(tmp_path))
    with running(*arguments) as it:
        assert set(it.variables) == {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
        assert await described(it.variables) == "default"


@pytest.mark.e2e
async def test_apache_kafka_keeps_its_folder(tmp_path: Path):
    arguments = ("apache-kafka", "--port", "0", "--topic", "orders:2", "--data-dir", str(tmp_path))
    for expected in ("KAFKA_BOOTSTRAP_SERVERS=", "# topic orders is there already"):
        with running(*arguments) as it:
            assert it.lines[0].startswith(expected)
            assert await partitions_of("orders", it.variables) == {0, 1}
            assert it.end(signal.SIGTERM) == 0


@pytest.mark.e2e
def test_kubernetes_prints_where_its_kubeconfig_is(tmp_path: Path):
    with running("kubernetes", "--port", "0", "--data-dir", str(tmp_path)) as it:
        assert it.variables == {"KUBECONFIG": str(tmp_path / "kubeconfig")}
        asked = subprocess.run(
            ["kubectl", "get", "--raw", "/version"],
            env={**os.environ, **it.variables},
            capture_output=True,
            text=True,
            check=True,
        )
        assert '"gitVersion": "v1.37.2"' in asked.stdout
        assert it.end(signal.SIGTERM) == 0


@pytest.mark.e2e
def test_build_names_what_is_there():
    result = run("build")
    assert result.returncode == 0
    folders = [line.partition(": ") for line in result.stdout.splitlines()]
    assert [name for name, _, _ in folders] == [
        "apache-kafka-4.3.0",
        "temporal-server-1.32.1",
        "helm-4.3.1",
        "etcd-3.7.0",
        "kube-apiserver-1.37.2",
        "kube-controller-manager-1.37.2",
    ]
    assert all(Path(folder).is_dir() for _, _, folder in folders)

"""A program as a process: its exit codes, its last words, its way out."""

import json
import signal as signals
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, os
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy
from ameide_process.configuration import load_worker_configuration
from ameide_process.contract import ProcessContract, WorkflowKind
from ameide_process.startup import run_main

CONTRACT = ProcessContract(
    name="order-fulfillment", workflow_type="P", default_task_queue="q", api_major=1, api_minor=0,
    kind=WorkflowKind.ENTITY, reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE, dedupe_window=4096, cases=(), subscriptions=(), digest="d",
)

async def main(stop: asyncio.Event) -> None:
    match os.environ["MODE"]:
        case "configure":
            load_worker_configuration(CONTRACT, os.environ)
        case "crash":
            secret = os.environ["CREDENTIAL"]
            raise KeyError("boom")
        case "wait":
            print("waiting", flush=True)
            await stop.wait()
        case "hang":
            print("waiting", flush=True)
            await asyncio.sleep(60)

run_main("worker", CONTRACT, main)
"""


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    def run(mode: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env={"PATH": "/usr/bin", "MODE": mode, "TERMINATION_LOG": str(tmp_path / "termination-log"), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def termination_log(tmp_path: Path) -> dict[str, object]:
    return json.loads((tmp_path / "termination-log").read_text())


def test_a_start_up_error_is_a_table_and_a_termination_message(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
):
    process = start("configure")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert stderr.splitlines()[0] == "order-fulfillment worker cannot start:"
    assert "TEMPORAL_ADDRESS" in stderr
    assert "OUTPUT_CONFIG" in stderr
    assert "Traceback" not in stderr
    assert termination_log(tmp_path)["reason"] == "InvalidConfiguration"


def test_a_contract_mismatch_exits_78(start: Callable[..., subprocess.Popen[str]], tmp_path: Path):
    process = start("configure", PROCESS_NAME="billing")
    process.communicate(timeout=30)
    assert process.returncode == 78
    assert termination_log(tmp_path) == {
        "reason": "ContractMismatch",
        "expected": {"name": "billing", "apiMajor": 1},
        "actual": {"name": "order-fulfillment", "apiMajor": 1},
    }


def test_a_crash_is_one_line_of_json_without_secrets(start: Callable[..., subprocess.Popen[str]], tmp_path: Path):
    process = start("crash", CREDENTIAL="hunter2")
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    (line,) = stdout.splitlines()
    said = json.loads(line)
    assert said["event"] == "program failed"
    assert said["process"] == "order-fulfillment"
    assert said["exception"][0]["exc_type"] == "KeyError"
    assert "hunter2" not in stdout + stderr
    assert termination_log(tmp_path) == {"reason": "Crashed", "message": "KeyError: 'boom'"}


def wait_for_word(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_it_gracefully(start: Callable[..., subprocess.Popen[str]], signal: str):
    process = start("wait")
    wait_for_word(process)
    process.send_signal(signals.Signals[signal])
    stdout, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(stdout.splitlines()[-1])["signal"] == signal


def test_a_second_signal_ends_what_does_not_stop(start: Callable[..., subprocess.Popen[str]]):
    process = start("hang")
    wait_for_word(process)
    process.terminate()
    time.sleep(0.2)
    process.terminate()  # the same signal, delivered twice
    time.sleep(1.2)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 128 + signals.SIGTERM


def test_help_says_what_it_is_for_and_what_it_reads(start: Callable[..., subprocess.Popen[str]]):
    process = start("wait", "--help")
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, "")
    assert stdout.startswith("Usage: order-fulfillment-worker\n")
    assert "runs its workflows and activities" in stdout
    assert "  TEMPORAL_ADDRESS\n" in stdout


@pytest.mark.parametrize("arguments", [("--verbose",), ("serve", "--port", "1"), ("",)])
def test_an_argument_is_refused_with_what_to_do_instead(
    start: Callable[..., subprocess.Popen[str]], arguments: tuple[str, ...]
):
    process = start("wait", *arguments)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (2, "")
    assert f"argument {arguments[0]!r} is not known" in stderr
    assert "see order-fulfillment-worker --help" in stderr
    assert "Traceback" not in stderr

"""The commands as a shell runs them: what they print, and how they end."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ameide_devstack import Kubernetes

COMMAND = [sys.executable, "-m", "ameide_operator"]
EXIT_TIMEOUT_S = 30


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_help_names_commands_settings_and_exit_codes():
    assert " crd " in run("--help").stdout
    shown = run("run", "--help").stdout
    assert "AMEIDE_OPERATOR_NAMESPACE" in shown
    assert "Exit codes: 0 " in shown


def test_wrong_setting_is_wrong_usage():
    result = run("run", AMEIDE_OPERATOR_WORKERS="many")
    assert result.returncode == 2
    assert result.stderr.startswith("ameide-operator: AMEIDE_OPERATOR_WORKERS 'many': ")
    assert "Traceback" not in result.stderr


def test_missing_kubeconfig_is_a_failure(tmp_path: Path):
    result = run("run", KUBECONFIG=str(tmp_path / "none"))
    assert result.returncode == 1
    assert "set KUBECONFIG, or run in a pod" in result.stderr
    assert "Traceback" not in result.stderr


def test_api_server_that_is_not_there_is_a_failure(tmp_path: Path):
    cluster = Kubernetes(data_dir=tmp_path)  # not started
    result = run("run", KUBECONFIG=str(cluster.kubeconfig))
    assert result.returncode == 1
    assert "the Kubernetes API cannot be used" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_runs_until_asked_to_end(bed_alone: Any, cluster: Kubernetes, number: signal.Signals):
    environment = {
        **os.environ,
        **cluster.environment(),
        "AMEIDE_OPERATOR_NAMESPACE": bed_alone.namespace,
        "AMEIDE_OPERATOR_HTTP_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(*COMMAND, "run", env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        await bed_alone.apply()
        await bed_alone.until("WorkloadReady", "True")
        process.send_signal(number)
        async with asyncio.timeout(EXIT_TIMEOUT_S):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    lines = errors.decode().splitlines()
    assert process.returncode == 0, lines
    assert lines[-1] == "# ended"
    assert all(line.startswith("{") for line in lines[:-1]), lines

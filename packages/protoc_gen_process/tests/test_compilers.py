"""The plugin under the real compilers, as a process: exit codes, files, and what the developer reads."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
BUF_GEN = """
version: v2
clean: true
plugins:
  - local: protoc-gen-process
    out: out
    opt: [part=processes, source_root=protos]
    strategy: all
"""


@pytest.fixture
def workspace(option_protos: Path, tmp_path: Path) -> Path:
    """A buf workspace with the option language and no process yet."""
    shutil.copytree(option_protos, tmp_path / "options")
    (tmp_path / "protos").mkdir()
    (tmp_path / "buf.yaml").write_text("version: v2\nmodules:\n  - path: options\n  - path: protos\n")
    (tmp_path / "buf.gen.yaml").write_text(BUF_GEN)
    (tmp_path / "out").mkdir()
    return tmp_path


def _add(workspace: Path, source: Path) -> None:
    shutil.copytree(source, workspace / "protos", dirs_exist_ok=True)


def _run(workspace: Path, *command: str, seed: str = "random") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "PYTHONHASHSEED": seed}
    return subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)


def _protoc(workspace: Path, *paths: str) -> subprocess.CompletedProcess[str]:
    return _run(
        workspace,
        *(sys.executable, "-m", "grpc_tools.protoc", "-Ioptions", "-Iprotos"),
        *("--process_out=out", "--process_opt=part=processes,source_root=protos", *paths),
    )


def _files(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8")
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("golden", ["imported-types", "all-options"])
def test_buf_and_protoc_write_the_golden(golden: str, workspace: Path) -> None:
    _add(workspace, TESTS / "goldens" / golden / "protos")
    expected = _files(TESTS / "goldens" / golden / "expected")
    done = _run(workspace, "buf", "generate")
    assert done.returncode == 0, done.stderr
    assert _files(workspace / "out") == expected
    protos = workspace / "protos"
    done = _protoc(workspace, *sorted(path.relative_to(protos).as_posix() for path in protos.rglob("*.proto")))
    assert done.returncode == 0, done.stderr
    assert _files(workspace / "out") == expected


def test_the_output_does_not_depend_on_hash_seeds(workspace: Path) -> None:
    for golden in ("imported-types", "all-options", "flat-keys", "awkward-names"):
        _add(workspace, TESTS / "goldens" / golden / "protos")
    outputs: list[dict[str, str]] = []
    for seed in ("0", "1", "1", "4242"):
        assert _run(workspace, "buf", "generate", seed=seed).returncode == 0
        outputs.append(_files(workspace / "out"))
    assert outputs[0]
    assert all(output == outputs[0] for output in outputs)


def test_buf_shows_all_problems_writes_nothing_and_fails(workspace: Path) -> None:
    for case in ("api-major-zero", "delivery-unsupported"):
        shutil.copy(TESTS / "diagnostics" / f"{case}.proto", workspace / "protos")
    done = _run(workspace, "buf", "generate")
    assert done.returncode != 0
    assert not _files(workspace / "out")
    summary, *problems = done.stderr.splitlines()
    assert summary.endswith("2 problems; nothing was generated")
    assert [problem.split(" ", 1)[0] for problem in problems] == [
        "protos/api-major-zero.proto:12:3:",
        "protos/delivery-unsupported.proto:34:34:",
    ]


def test_protoc_places_problems_at_the_option(workspace: Path) -> None:
    shutil.copy(TESTS / "diagnostics" / "api-major-zero.proto", workspace / "protos")
    done = _protoc(workspace, "api-major-zero.proto")
    assert done.returncode != 0
    assert "protos/api-major-zero.proto:8:1: api_major is 0" in done.stderr


def test_an_import_that_is_not_generated_has_lost_its_options(workspace: Path) -> None:
    _add(workspace, TESTS / "goldens" / "imported-types" / "protos")
    done = _run(workspace, "buf", "generate", "--path", "protos/goldens/imported_types/v1")
    assert done.returncode != 0
    assert (
        "protos/goldens/imported_types/v1/first.proto:1:1: the file imports "
        "goldens/imported_types/billing/v1/events.proto, which is not part of this generation" in done.stderr
    )


def test_the_version_is_said() -> None:
    done = subprocess.run([SCRIPTS / "protoc-gen-process", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("protoc-gen-process ")

"""The gates of the workspace, each with the violation that it must catch."""

import shutil
import subprocess
from pathlib import Path

import pytest
from ameide_guardrails import generated_roots, import_directions, retired_versioning, scaffold_markers
from ameide_guardrails.workspace import processes
from protoc_gen_process.scaffold import new_process

ROOT = Path(__file__).parent.parent
TEMPLATES = ("buf.gen.yaml", "buf.gen.options.yaml")


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    for template in TEMPLATES:
        shutil.copy(ROOT / template, tmp_path / template)
    return tmp_path


def test_generators_write_into_generated_only_roots() -> None:
    assert generated_roots.violations(ROOT) == []


@pytest.mark.parametrize("out", ["packages/ameide_core_proto/src", ".", "primitives", "build/generated/../../tests"])
def test_an_out_among_sources_is_caught(templates: Path, out: str) -> None:
    file = templates / "buf.gen.yaml"
    file.write_text(file.read_text().replace("out: build/generated/process", f"out: {out}", 1))
    assert any(repr(out) in violation for violation in generated_roots.violations(templates))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_without_clean_is_caught(templates: Path, template: str) -> None:
    file = templates / template
    file.write_text(file.read_text().replace("\nclean: true", "\nclean: false", 1))
    assert any("clean" in violation for violation in generated_roots.violations(templates))


def test_the_generated_roots_hold_nothing_that_a_person_wrote() -> None:
    assert generated_roots.files_by_hand(ROOT) == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("build/generated/process/orders/src/orders_generated/extra.py", "VALUE = 1\n"),
        ("build/generated/process/orders/notes.md", "remember the milk\n"),
        ("packages/ameide_core_proto/gen/ameide_core_proto/py_typed.txt", ""),
    ],
)
def test_a_file_that_a_person_put_among_generated_ones_is_caught(tmp_path: Path, path: str, content: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(content)
    (found,) = generated_roots.files_by_hand(tmp_path)
    assert found.startswith(f"{path}: no generator wrote it")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one generated file, committed."""
    for number in (1, 2):
        file = tmp_path / f"build/generated/process/orders/file{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# DO NOT EDIT\n")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -qm all"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    return tmp_path


def test_a_committed_generation_passes(repository: Path) -> None:
    assert generated_roots.uncommitted(repository) == []


def test_a_changed_a_deleted_and_a_new_file_are_caught(repository: Path) -> None:
    folder = repository / "build/generated/process/orders"
    (folder / "file1.py").write_text("# DO NOT EDIT\nVALUE = 2\n")
    (folder / "file2.py").unlink()
    (folder / "file3.py").write_text("# DO NOT EDIT\n")
    changed, deleted, new = generated_roots.uncommitted(repository)
    assert "file1.py: differs from what is committed" in changed
    assert "file2.py: committed, and no longer generated" in deleted
    assert "file3.py: generated, and not committed" in new


def test_nothing_is_left_of_the_scaffold() -> None:
    assert scaffold_markers.violations(ROOT) == []


@pytest.mark.parametrize(("name", "kind_of_comment"), [("workflow_impl.py", "#"), ("orders.proto", "//")])
def test_a_mark_of_the_scaffold_is_caught(tmp_path: Path, name: str, kind_of_comment: str) -> None:
    file = tmp_path / "primitives/process/orders/src/orders" / name
    file.parent.mkdir(parents=True)
    file.write_text(f"\n    {kind_of_comment} scaffold: write it\n")
    (found,) = scaffold_markers.violations(tmp_path)
    assert found.startswith(f"primitives/process/orders/src/orders/{name}:2: left by the scaffold")


def test_the_stubs_of_a_new_process_are_marked(tmp_path: Path) -> None:
    new_process(tmp_path, "pet-sitting")
    marked = {violation.partition(":")[0].rpartition("/")[2] for violation in scaffold_markers.violations(tmp_path)}
    assert {"workflow_impl.py", "activities_impl.py"} <= marked


def test_no_retired_versioning_is_used() -> None:
    assert retired_versioning.violations(ROOT) == []


@pytest.mark.parametrize(
    "code",
    [
        "Worker(client, task_queue='q', build_id='1', use_worker_versioning=True)",
        "await client.update_worker_build_id_compatibility('q', operation)",
        "from temporalio.client import BuildIdOpAddNewDefault",
        "workflow.execute_activity(pay, versioning_intent=None)",
        "intent = temporalio.workflow.VersioningIntent.DEFAULT",
    ],
)
def test_retired_versioning_is_caught(tmp_path: Path, code: str) -> None:
    file = tmp_path / "build/generated/process/orders/src/orders_generated/worker.py"
    file.parent.mkdir(parents=True)
    file.write_text(f"async def main():\n    {code}\n")
    (found,) = retired_versioning.violations(tmp_path)
    assert "worker.py:2: " in found


def test_a_file_that_does_not_parse_is_no_false_green(tmp_path: Path) -> None:
    file = tmp_path / "primitives/broken.py"
    file.parent.mkdir(parents=True)
    file.write_text("def broken(:\n")
    (found,) = retired_versioning.violations(tmp_path)
    assert found.startswith("primitives/broken.py:1: does not parse")


def _lint_imports(root: Path, contract: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["lint-imports", "--config", str(contract), "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(Path(shutil.which("lint-imports") or "").parent), "PYTHONPATH": str(root)},
    )


def test_the_contract_covers_every_process(tmp_path: Path) -> None:
    contract = tmp_path / "importlinter.ini"
    import_directions.write_contract(ROOT, contract)
    text = contract.read_text()
    for member in processes(ROOT):
        assert f"importlinter:contract:{member.name}" in text


@pytest.fixture
def importing_workspace(tmp_path: Path) -> Path:
    """A workspace with one process whose packages are importable from its root."""
    generated = tmp_path / "build/generated/process/pet-sitting/src/pet_sitting_generated"
    impl = tmp_path / "primitives/process/pet-sitting/src/pet_sitting"
    runtime = tmp_path / "packages/ameide_process"
    plugin = tmp_path / "packages/protoc_gen_process"
    for folder in (generated, impl, runtime, plugin):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    for member in (tmp_path / "build/generated/process/pet-sitting", runtime, plugin):
        (member / "pyproject.toml").touch()
    for room in (ROOT / "packages/ameide_process/src/ameide_process").iterdir():
        (runtime / f"{room.stem}.py").touch()
    (generated / "contract.py").write_text("import ameide_process.contract\n")
    (generated / "entry.py").write_text("import pet_sitting.workflow_impl\nimport pet_sitting_generated.contract\n")
    (impl / "workflow_impl.py").write_text("import pet_sitting_generated.contract\n")
    for package, folder in {
        "pet_sitting_generated": generated, "pet_sitting": impl, "ameide_process": runtime, "protoc_gen_process": plugin
    }.items():  # fmt: skip
        (tmp_path / package).symlink_to(folder)
    return tmp_path


def _check(root: Path) -> subprocess.CompletedProcess[str]:
    contract = root / "importlinter.ini"
    import_directions.write_contract(root, contract)
    return _lint_imports(root, contract)


def test_imports_downwards_pass(importing_workspace: Path) -> None:
    result = _check(importing_workspace)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("path", "line", "caught"),
    [
        ("pet_sitting_generated/contract.py", "import pet_sitting.workflow_impl", "pet_sitting_generated.contract"),
        ("ameide_process/workflow.py", "import ameide_process.ingress", "ameide_process.workflow"),
        ("ameide_process/contract.py", "import pet_sitting_generated.contract", "ameide_process.contract"),
        ("protoc_gen_process/__init__.py", "import ameide_process.contract", "protoc_gen_process"),
        ("pet_sitting/workflow_impl.py", "import pet_sitting_generated.entry", "pet_sitting"),
        ("pet_sitting/workflow_impl.py", "import protoc_gen_process", "pet_sitting"),
        ("pet_sitting/workflow_impl.py", "import grpc_tools.protoc", "pet_sitting"),
    ],
)
def test_an_import_upwards_is_caught(importing_workspace: Path, path: str, line: str, caught: str) -> None:
    file = importing_workspace / path
    file.write_text(f"{file.read_text()}{line}\n")
    result = _check(importing_workspace)
    assert result.returncode != 0
    assert caught in result.stdout

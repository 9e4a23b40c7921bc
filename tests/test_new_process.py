"""From nothing to a green process, by the commands that `uvx nox -s new` prints and nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WRITTEN = {
    "ENTITY": {
        "run": """\
        await self.until(lambda: self.state.requested)
        await self.activities.notify_requester(NotifyRequesterRequest(key=self.key, text="done"))
        return Result(outcome="done")
""",
        "on_gift_wrapping_requested": "        self.state.requested = True\n",
    },
    "TRANSACTION": {
        "run": """\
        await self.until(lambda: self.state.approved_by)
        await self.activities.notify_requester(NotifyRequesterRequest(key=self.key, text="done"))
        return Result(outcome=f"approved by {self.state.approved_by}")
""",
        "on_gift_wrapping_requested": "        self.state.requested = True\n",
        "on_gift_wrapping_approved": "        self.state.approved_by = fact.approver\n",
    },
}
"""What a person writes in place of each stub, by kind and function."""


class Checkout:
    """A copy of the repository, in which commands run as a user runs them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str, code: int = 0) -> str:
        """Runs a command; returns what it says, on both streams."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "VIRTUAL"))}
        done = subprocess.run(
            command,
            cwd=self.root,
            env=variables,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def nox(self, session: str, *arguments: str, code: int = 0) -> str:
        """Runs a session."""
        return self.run(sys.executable, "-m", "nox", "-s", session, "--", *arguments, code=code)

    def uv(self, *command: str, code: int = 0) -> str:
        """Runs a tool of the workspace."""
        return self.run("uv", "run", "--all-packages", "--locked", *command, code=code)

    def write(self, file: str, function: str, body: str) -> None:
        """Replaces the stub of a function, from its scaffold comment to its `raise`."""
        path = self.root / file
        before, found, after = path.read_text().partition(f"async def {function}(")
        assert found
        head, mark, rest = after.partition("        # scaffold:")
        assert mark
        left = rest.partition("        raise ApplicationError(")[2].partition("\n")[2]
        path.write_text(before + found + head + body + left)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        text=True,
        capture_output=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    return Checkout(tmp_path)


@pytest.mark.e2e
@pytest.mark.timeout(900)  # installs a workspace; its servers, generators and checks run one after the other
@pytest.mark.parametrize("kind", WRITTEN)
def test_a_new_process_is_red_until_it_is_written(checkout: Checkout, kind: str) -> None:
    said = checkout.nox("new", "gift-wrapping", "--kind", kind)
    assert said.count("wrote") == 8
    assert "uvx nox -s record -- gift-wrapping" in said

    person, generated = "primitives/process/gift-wrapping", "build/generated/process/gift-wrapping"
    proto = "packages/ameide_core_proto/src/ameide_core_proto/gift_wrapping"
    checkout.uv("ruff", "check", person, generated)
    checkout.uv("ruff", "format", "--check", person, generated)
    checkout.uv("buf", "lint", "--path", proto)
    checkout.uv("buf", "format", "--diff", "--exit-code", "--path", proto)
    checkout.uv("pyright", person, generated)
    assert "unreleased" in checkout.uv("ameide-guardrails", "versions")
    assert "left by the scaffold" in checkout.uv("ameide-guardrails", "sources", code=1)
    assert "run is not written yet" in checkout.uv("pytest", "-q", person, code=1)
    checkout.uv("pytest", "-q", generated, "--deselect", f"{generated}/tests/test_replay.py")

    impl = f"{person}/src/gift_wrapping/workflow_impl.py"
    for function, body in WRITTEN[kind].items():
        checkout.write(impl, function, body)
    path = checkout.root / impl
    imports = "_pb2 import "
    path.write_text(path.read_text().replace(imports, f"{imports}NotifyRequesterRequest, ", 1))
    checkout.write(
        f"{person}/src/gift_wrapping/activities_impl.py",
        "notify_requester",
        "        return NotifyRequesterResponse()\n",
    )
    checkout.uv("ruff", "check", "--fix", "-q", person)
    checkout.uv("ruff", "format", "-q", person)
    checkout.uv("pytest", "-q", person)

    assert "nox -s record -- gift-wrapping" in checkout.uv("pytest", "-q", f"{generated}/tests/test_replay.py", code=1)
    checkout.nox("record", "gift-wrapping")
    checkout.uv("pytest", "-q", generated)
    checkout.uv("ameide-guardrails", "sources")

    kept = checkout.nox("new", "gift-wrapping")
    assert kept.count("kept") == 8
    assert "wrote" not in kept


def test_a_name_that_is_taken_and_a_kind_that_does_not_exist_are_said(checkout: Checkout) -> None:
    protos = checkout.root / "packages/ameide_core_proto/src/ameide_core_proto"
    names = [path.name for path in sorted((checkout.root / "primitives/process").iterdir())]
    # One whose proto is not where `new` would write it, and go on with it.
    taken = next(name for name in names if not (protos / name.replace("-", "_")).exists())
    assert "is declared by packages/ameide_core_proto/src" in checkout.nox("new", taken, code=2)
    assert "invalid choice: 'SAGA'" in checkout.nox("new", "gift-wrapping", "--kind", "saga", code=2)
    assert "usage: uvx nox -s new --" in checkout.nox("new", code=2)
    assert not (checkout.root / "primitives/process/gift-wrapping").exists()

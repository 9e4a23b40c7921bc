"""The versioning gate: a released contract changes only together with its version, and some changes not at all.

The released contract is locked beside what a person writes of the process; `uvx nox -s release-contract` writes it.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ameide_guardrails.contract import CONTRACT_FILE, LOCK_FILE, Contract, read_contract
from ameide_guardrails.contract_changes import Change, Needs, changes
from ameide_guardrails.workspace import generated_folders


def is_released(person: Path) -> bool:
    """Whether a process has a lock file; nothing binds one that has none.

    Args:
        person: Folder of what a person writes of it.
    """
    return (person / LOCK_FILE).exists()


def violations(generated: Path, person: Path) -> list[str]:
    """What is wrong with the present contract of a process, a sentence each; of an unreleased one, nothing.

    Args:
        generated: Folder that the generator writes the process to; holds `contract.json`.
        person: Folder of what a person writes of it; holds `contract.lock.json` once released.

    Raises:
        ContractFileError: A file is no contract.
    """
    if not is_released(person):
        return []
    return list(compare(read_contract(person / LOCK_FILE), read_contract(generated / CONTRACT_FILE)))


def compare(released: Contract, present: Contract) -> Iterator[str]:
    """Yields why the present contract must not follow the released one, and what to do."""
    was, now = (released.api_major, released.api_minor), (present.api_major, present.api_minor)
    if released.name != present.name:
        yield f"the lock file is that of {released.name!r}, not of {present.name!r}; each process has its own"
        return
    if now < was:
        yield (
            f"{present.name}: version {_version(present)} is before the released {_version(released)}; "
            f"set api_major and api_minor to {_version(released)} or later"
        )
        return
    for change in changes(released, present):
        remedy = _remedy(change, released, present)
        if remedy is not None:
            yield f"{present.name}: {change.what}; {remedy}"


def locked_processes(root: Path) -> set[str]:
    """Names of the processes of a workspace that have a lock file."""
    return {path.parent.name for path in (root / "primitives" / "process").glob(f"*/{LOCK_FILE}")}


def lost_locks(root: Path) -> list[str]:
    """Lock files of present processes that version control knows and that are gone, a sentence each; without git, none.

    A process whose lock file is gone would pass for unreleased, and its contract for free to change.
    """
    present = {generated.name for generated in generated_folders(root)}
    pattern = f"primitives/process/*/{LOCK_FILE}"
    history = ("log", "--diff-filter=D", "--name-only", "--pretty=format:")
    known = {path for command in (("ls-files",), history) for path in _git(root, *command, "--", pattern)}
    return [
        f"{path}: the lock file of a released contract is gone; restore it from version control"
        for path in sorted(known)
        if not (root / path).exists() and Path(path).parent.name in present
    ]


def _git(root: Path, *command: str) -> list[str]:
    git = ("git", *command)
    done = subprocess.run(git, cwd=root, check=False, capture_output=True, text=True)  # noqa: S603 -- our own command
    return done.stdout.split() if done.returncode == 0 else []


def version(generated: Path) -> str:
    """The version of the present contract of a process: `1.0`.

    Raises:
        ContractFileError: The file is no contract.
    """
    return _version(read_contract(generated / CONTRACT_FILE))


def lock(generated: Path, person: Path) -> None:
    """Makes the present contract of a process the released one."""
    person.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(generated / CONTRACT_FILE, person / LOCK_FILE)


def _remedy(change: Change, released: Contract, present: Contract) -> str | None:
    """Returns what a change still needs; None where its version was raised."""
    match change.needs:
        case Needs.MINOR:
            if (present.api_major, present.api_minor) > (released.api_major, released.api_minor):
                return None
            return f"raise api_minor to {released.api_minor + 1}"
        case Needs.MAJOR:
            if present.api_major > released.api_major:
                return None
            return f"take it back, or raise api_major to {released.api_major + 1}"
        case Needs.NEW_PACKAGE:
            return (
                "it is in stored events and running workflows and no version makes up for that: take it back, and "
                f"declare the new shape in a new proto package with api_major {released.api_major + 1}, beside the old"
            )


def _version(contract: Contract) -> str:
    return f"{contract.api_major}.{contract.api_minor}"

"""The members of a uv workspace, by what they are for."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessMember:
    """One process: its generated package, and its impl where a person wrote one."""

    name: str
    """kebab-case process name."""
    generated: str
    """Import name of the generated package."""
    impl: str | None
    """Import name of the impl package."""


def processes(root: Path) -> list[ProcessMember]:
    """The processes of the workspace, by name."""
    members: list[ProcessMember] = []
    for folder in generated_folders(root):
        name = folder.name
        package = name.replace("-", "_")
        impl = person_folder(folder) / "src" / package
        members.append(ProcessMember(name, f"{package}_generated", package if impl.is_dir() else None))
    return members


def generated_folders(root: Path) -> list[Path]:
    """Where the generator writes each process, by name."""
    return sorted(path.parent for path in (root / "build" / "generated" / "process").glob("*/pyproject.toml"))


def person_folder(generated: Path) -> Path:
    """Where a person writes their part of a process.

    Args:
        generated: Where the generator writes it: `build/generated/process/<name>`.
    """
    return generated.parents[3] / "primitives" / "process" / generated.name


def packages(root: Path) -> list[str]:
    """Import names of the platform's own packages."""
    return sorted(path.parent.name for path in (root / "packages").glob("*/pyproject.toml"))


def services(root: Path) -> list[str]:
    """Import names of the services."""
    found = (root / "services").glob("*/src/*/__init__.py")
    return sorted(path.parent.name for path in found)


def root_of(start: Path) -> Path:
    """The folder of the workspace that a folder lies in.

    Raises:
        FileNotFoundError: No parent has a pyproject.toml with a `[tool.uv.workspace]`.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and "workspace" in tomllib.loads(file.read_text()).get("tool", {}).get("uv", {}):
            return folder
    raise FileNotFoundError(f"no uv workspace at {start} or above it")

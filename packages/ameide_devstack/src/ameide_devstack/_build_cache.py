"""Keeps servers that must be built or downloaded, outside the clone and once for all checkouts of a machine.

A build is keyed by a hash of what goes into it, made in a folder of its own and renamed into place; a file lock lets
one process build while the others wait for the result.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ameide_devstack._child_process import ChildProcess
from ameide_devstack._errors import BuildError, ToolMissingError

# How often the lock of another builder is tried, and how often progress is reported, in seconds.
_LOCK_POLL_S: Final = 0.2
_PROGRESS_S: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Build:
    """How to make one server from pinned inputs.

    Attributes:
        name: Of the server, with its version; part of the folder's name.
        inputs: Files that the tool reads, by name; put into its working directory.
        command: The tool and its arguments; it writes into the folder `out` of its working directory.
        environment: Variables for the tool beside those of this process.
        duration: Roughly how long it takes, for the reader of the progress line.
        install: What to do where the tool is missing.
    """

    name: str
    inputs: Mapping[str, bytes]
    command: Sequence[str]
    environment: Mapping[str, str]
    duration: str
    install: str

    @property
    def digest(self) -> str:
        """Hash of all that the result depends on; the machine's architecture is part of it."""
        content = hashlib.sha256()
        machine = f"{sys.platform}-{os.uname().machine}"
        parts = [machine, *self.command, *(f"{key}={value}" for key, value in sorted(self.environment.items()))]
        for part in [*(part.encode() for part in parts), *(x for item in sorted(self.inputs.items()) for x in item)]:
            encoded = part if isinstance(part, bytes) else part.encode()
            content.update(len(encoded).to_bytes(8, "big") + encoded)
        return content.hexdigest()[:16]


def cache_dir() -> Path:
    """Return the folder of all builds: `AMEIDE_CACHE_DIR`, or `~/.cache/ameide-devstack`."""
    configured = os.environ.get("AMEIDE_CACHE_DIR")
    return Path(configured).absolute() if configured else Path.home() / ".cache" / "ameide-devstack"


async def built(build: Build) -> Path:
    """Return the folder with the result of a build, made now where it is not there yet.

    Raises:
        ToolMissingError: It must be made, and the tool is not on PATH.
        BuildError: The tool failed.
    """
    target = cache_dir() / f"{build.name}-{build.digest}"
    if target.is_dir():
        return target
    tool = build.command[0]
    if shutil.which(tool) is None:
        raise ToolMissingError(tool, wanted_for=f"the build of {build.name}", install=build.install)
    cache_dir().mkdir(parents=True, exist_ok=True)
    async with _locked(target.with_name(f"{target.name}.lock"), waiting_for=build.name):
        if not target.is_dir():
            await _make(build, target)
    return target


async def _make(build: Build, target: Path) -> None:
    started = time.monotonic()
    _report(f"building {build.name}, once; {build.duration}")
    for left_behind in target.parent.glob(f".{target.name}-*"):  # by a killed builder: we hold the lock
        shutil.rmtree(left_behind, ignore_errors=True)
    workshop = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for name, content in build.inputs.items():
            (workshop / name).write_bytes(content)
        (workshop / "out").mkdir()
        log_path = workshop / "build.log"
        child = ChildProcess(build.command, cwd=workshop, log_path=log_path, environment=build.environment)
        try:
            while child.returncode is None:
                try:
                    async with asyncio.timeout(_PROGRESS_S):
                        await child.wait()
                except TimeoutError:
                    _report(f"still building {build.name}, {time.monotonic() - started:.0f} s so far")
        finally:
            await child.kill()
        if child.returncode != 0:
            raise BuildError(
                build.name, command=build.command, returncode=child.returncode or 0, output_tail=child.log_tail()
            )
        (workshop / "out").rename(target)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    _report(f"built {build.name} in {time.monotonic() - started:.0f} s: {target}")


@asynccontextmanager
async def _locked(path: Path, *, waiting_for: str) -> AsyncGenerator[None]:
    with path.open("w") as lock:
        reported = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if not reported:
                    _report(f"waiting for another process that builds {waiting_for}")
                    reported = True
                await asyncio.sleep(_LOCK_POLL_S)
            else:
                break
        yield


def _report(line: str) -> None:
    print(f"ameide-devstack: {line}", file=sys.stderr, flush=True)  # noqa: T201 # a build of minutes must not be silent

"""Child processes that never outlive the process that started them."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# Runs the command named by its arguments, with a watcher beside it that kills the whole process group as soon as
# standard input ends. The other end of standard input is held by the process that started the child, and by nobody
# else; so however that process ends, SIGKILL included, its children end too. Unlike Linux' parent-death signal this
# works on any POSIX system, covers children of the child, and does not fire when only the starting thread ends.
_LIFELINE: Final = """
exec 3<&0
(trap '' TERM INT HUP; read -r _ <&3; kill -KILL 0) &
exec 3<&-
exec "$@" </dev/null
"""
# How often an exit is looked for, in seconds.
_POLL_S: Final = 0.02
# How much of a log an error quotes.
_TAIL_LINES: Final = 30
_TAIL_BYTES: Final = 16_384


class ChildProcess:
    """A command running in a session and process group of its own, its output appended to a log.

    Attributes:
        command: The command line.
        pid: Process id of the command itself.
        log_path: Where standard output and standard error go.
    """

    def __init__(
        self, command: Sequence[str], *, cwd: Path, log_path: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.command = tuple(command)
        self.log_path = log_path
        self._log_start = log_path.stat().st_size if log_path.exists() else 0
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 # every caller is in this package
                ["/bin/sh", "-c", _LIFELINE, "lifeline", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self.pid: Final = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status; negative: killed by that signal; None: still running."""
        return self._process.poll()

    async def wait(self) -> int:
        """Return the exit status as soon as there is one."""
        while (returncode := self._process.poll()) is None:  # noqa: ASYNC110 # an exit sets no asyncio.Event
            await asyncio.sleep(_POLL_S)
        return returncode

    def terminate(self) -> None:
        """Ask the command to end, by SIGTERM; a paused one first goes on, so that it can."""
        self.resume()
        self._process.terminate()

    def pause(self) -> None:
        """Let the command hang, by SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused command go on, by SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End the command and its children at once, by SIGKILL, and wait until the command is gone.

        To be called in the end also where the command ended by itself: it may have left children.
        """
        if self._process.poll() is None:
            # Not reaped yet, so the number cannot belong to anyone else.
            os.killpg(self.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()  # the watcher kills what is left of the group
        await self.wait()

    def log_tail(self) -> str:
        """Return the last lines that the command wrote."""
        with self.log_path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

"""The ways in which a server can fail to be there, one type for each thing a caller can do about it."""

import shlex
from collections.abc import Sequence
from pathlib import Path


class DevstackError(Exception):
    """Base of all errors that this package raises on purpose."""


class PortTakenError(DevstackError):
    """A port that a server is to listen on already has a listener: stop that one, or ask for another port.

    Attributes:
        port: The TCP port on 127.0.0.1.
    """

    def __init__(self, server: str, port: int) -> None:
        super().__init__(
            f"{server}: port {port} of 127.0.0.1 is taken; stop what listens there (`ss -ltnp 'sport = :{port}'` names "
            "it) or give another port"
        )
        self.port = port


class ServerError(DevstackError):
    """A server is not there though it should be; its log says why.

    Attributes:
        server: Name of the server.
        reason: What happened, in a few words.
        command: The command line of the server.
        returncode: Exit status where it exited (negative: killed by that signal), None where it was still running.
        log_tail: The last lines that it wrote since this start.
        log_path: The whole log; it lies in the data folder, so it is gone with a temporary one.
    """

    def __init__(
        self, server: str, reason: str, *, command: Sequence[str], returncode: int | None, log_tail: str, log_path: Path
    ) -> None:
        super().__init__(
            f"{server} {reason}\n  command: {shlex.join(command)}\n  end of {log_path}:\n{_quoted(log_tail)}"
        )
        self.server = server
        self.reason = reason
        self.command = tuple(command)
        self.returncode = returncode
        self.log_tail = log_tail
        self.log_path = log_path


class ServerStartError(ServerError):
    """A server process exited before it was ready, or was not ready in time."""


class ServerExitError(ServerError):
    """A server that had been ready ended, and nobody here had asked it to."""


class ToolMissingError(DevstackError):
    """A program that a server is built or run with is not on PATH: install it.

    Attributes:
        tool: Name of the program.
    """

    def __init__(self, tool: str, *, wanted_for: str, install: str) -> None:
        super().__init__(f"no {tool!r} on PATH, which {wanted_for} needs; {install}")
        self.tool = tool


class AssetsMissingError(DevstackError):
    """A variable names a folder of ready binaries that lacks some of them: fill it, or unset the variable.

    Attributes:
        folder: The folder.
        missing: Names of the binaries that are not there, or may not be run.
    """

    def __init__(self, variable: str, folder: Path, missing: Sequence[str]) -> None:
        super().__init__(
            f"{variable} is {str(folder)!r}, which holds no executable {' and no '.join(missing)}; put it there, or "
            f"unset {variable} to have it built"
        )
        self.folder = folder
        self.missing = tuple(missing)


class BuildError(DevstackError):
    """The tool that builds or downloads a server failed; its output says why.

    Attributes:
        command: The command line of the tool.
        returncode: Its exit status.
        output_tail: The last lines that it wrote.
    """

    def __init__(self, name: str, *, command: Sequence[str], returncode: int, output_tail: str) -> None:
        super().__init__(
            f"could not build {name}: status {returncode} of {shlex.join(command)}\n{_quoted(output_tail)}"
        )
        self.command = tuple(command)
        self.returncode = returncode
        self.output_tail = output_tail


def _quoted(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.splitlines()) or "  | (it wrote nothing)"

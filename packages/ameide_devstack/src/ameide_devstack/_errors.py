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


class ServerStartError(DevstackError):
    """A server process exited, or was not ready in time; its log says why.

    Attributes:
        server: Name of the server.
        reason: What happened, in a few words.
        command: The command line of the server.
        returncode: Exit status where it exited (negative: killed by that signal), None where it was still running.
        log_tail: The last lines that it wrote since this start.
        log_path: The whole log. It lies in the data folder, so it is gone with a temporary one.
    """

    def __init__(
        self, server: str, reason: str, *, command: Sequence[str], returncode: int | None, log_tail: str, log_path: Path
    ) -> None:
        quoted = "\n".join(f"  | {line}" for line in log_tail.splitlines()) or "  | (it wrote nothing)"
        super().__init__(f"{server} {reason}\n  command: {shlex.join(command)}\n  end of {log_path}:\n{quoted}")
        self.server = server
        self.reason = reason
        self.command = tuple(command)
        self.returncode = returncode
        self.log_tail = log_tail
        self.log_path = log_path

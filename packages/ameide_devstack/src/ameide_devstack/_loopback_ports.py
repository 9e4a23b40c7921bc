"""Ports for servers, so that test workers that run side by side never give out the same one.

Asking the kernel for a free port and closing it again is a race: anyone may get it before the server binds it, and
any outgoing connection may take it as its own end. So a port is leased: it lies below the range that the kernel uses
for outgoing connections, and a lock on a file of its number is held as long as the server may come back to it. The
kernel drops the lock when the process that holds it dies.
"""

import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
# Below 32768, where Linux starts to take ports for outgoing connections (macOS: 49152), above the well-known servers.
_FIRST_PORT: Final = 18_000
_PORT_COUNT: Final = 14_000


def is_listening_possible(port: int) -> bool:
    """Say whether a server could listen on a port of 127.0.0.1 now.

    Connections of an earlier server that linger in TIME_WAIT do not count: servers bind over them.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


class PortLease:
    """A loopback port that no other lease of this machine's user has, until `release` or the end of this process."""

    def __init__(self) -> None:
        folder = Path(tempfile.gettempdir()) / f"ameide-devstack-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        while True:
            port = _FIRST_PORT + secrets.randbelow(_PORT_COUNT)
            # The file stays: to delete a locked file would let two processes hold "the" lock of one port.
            lock = (folder / str(port)).open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            if is_listening_possible(port):
                break
            lock.close()
        self.port: Final = port
        self._lock = lock

    def release(self) -> None:
        """Give the port back."""
        self._lock.close()

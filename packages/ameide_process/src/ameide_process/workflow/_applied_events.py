"""Which events were applied: the dedupe window.

A pair (idempotency key, payload case) is one event; a TRANSACTION repeats its idempotency key in every message, so
the key alone would not tell its messages apart.
"""

from collections import deque
from hashlib import blake2b

DIGEST_SIZE = 16
"""Bytes per remembered event: at 16,384 events the chance of two equal digests is below 1e-30."""


def digest(idempotency_key: str, payload_case: str) -> bytes:
    """Digest of one event's identity, `DIGEST_SIZE` bytes."""
    # A case is a proto identifier, so the first NUL ends it and no two pairs concatenate to the same bytes.
    return blake2b(f"{payload_case}\0{idempotency_key}".encode(), digest_size=DIGEST_SIZE).digest()


class AppliedEvents:
    """Remembers the latest applied events, oldest out first.

    Args:
        window: How many events are remembered.
        packed: What `pack` of an earlier run returned.
    """

    def __init__(self, window: int, packed: bytes = b"") -> None:
        self._window = window
        digests = [packed[start : start + DIGEST_SIZE] for start in range(0, len(packed), DIGEST_SIZE)]
        self._order = deque(digests[-window:])
        self._known = set(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, event: bytes) -> bool:
        return event in self._known

    @property
    def window(self) -> int:
        """How many events are remembered at most."""
        return self._window

    def add(self, event: bytes) -> bool:
        """Remembers an event.

        Returns:
            False when it is remembered already: the event is a duplicate.
        """
        if event in self._known:
            return False
        if len(self._order) >= self._window:
            self._known.discard(self._order.popleft())
        self._order.append(event)
        self._known.add(event)
        return True

    def pack(self) -> bytes:
        """The remembered digests, oldest first, for the next run."""
        return b"".join(self._order)

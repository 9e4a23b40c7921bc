"""How much a workflow handles in one go.

The SDK fails a workflow task when one activation takes longer than two seconds, and tries it again for ever: 75,000
waiting events decoded at once never pass.
"""

from ameide_process.workflow._activations import next_activation

EVENTS_AT_ONCE = 1000
"""Events handled in one activation: some 60 ms of decoding for small ones."""

BYTES_AT_ONCE = 1024 * 1024
"""Of events handled in one activation. Protobuf-JSON is decoded at 5 MB a second, a tenth of that at its worst."""


class Pace:
    """Says when to pause. It counts events alone: where activations begin is not the same on replay."""

    def __init__(self) -> None:
        self._events = 0
        self._bytes = 0

    def allows(self, size: int) -> bool:
        """Whether one more event may be handled before the next pause; counts it if so. The first one always may.

        Args:
            size: Bytes of the event.
        """
        if self._events and (self._events >= EVENTS_AT_ONCE or self._bytes + size > BYTES_AT_ONCE):
            return False
        self._events += 1
        self._bytes += size
        return True

    async def pause(self) -> None:
        """Returns in a later workflow task, so that signals and queries do not wait for all events."""
        self._events = self._bytes = 0
        await next_activation()

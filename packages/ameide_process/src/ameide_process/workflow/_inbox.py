"""What arrived and was not handled yet: raw payloads in the order of arrival.

Receiving never decodes. A typed signal handler would drop a whole signal in silence when one of its events has a
field that it does not know.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from ameide_process.contract import EVENT_SIGNAL

SIGNAL_NAME_METADATA = "signal-name"
"""Payload metadata that names the signal of an event that did not come by ours."""


class Inbox:
    """Raw events waiting for the pump.

    Attributes:
        signals: Signals received in this run; Temporal limits them per run.
        size: Bytes of the waiting payloads.
    """

    def __init__(self, carried: Iterable[bytes] = ()) -> None:
        self._waiting: deque[Payload] = deque()
        self.signals = 0
        self.size = 0
        for payload in carried:
            self._append(Payload.FromString(payload))

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_size(self) -> int:
        """Bytes of the oldest event; there must be one."""
        return self._waiting[0].ByteSize()

    def receive(self, signal_name: str, arguments: Sequence[RawValue]) -> None:
        """Takes one signal, each argument an event."""
        self.signals += 1
        if signal_name == EVENT_SIGNAL:
            for argument in arguments:
                self._append(argument.payload)
            return
        for payload in [argument.payload for argument in arguments] or [Payload()]:
            payload.metadata[SIGNAL_NAME_METADATA] = signal_name.encode()
            self._append(payload)

    def take(self) -> Payload:
        """Removes the oldest event."""
        payload = self._waiting.popleft()
        self.size -= payload.ByteSize()
        return payload

    def take_batch(self, *, maximum_events: int, maximum_bytes: int) -> list[Payload]:
        """Removes the oldest events: as many as fit both limits, and at least one."""
        batch = [self.take()]
        total = batch[0].ByteSize()
        while self._waiting and len(batch) < maximum_events:
            total += self._waiting[0].ByteSize()
            if total > maximum_bytes:
                break
            batch.append(self.take())
        return batch

    def pack(self) -> list[bytes]:
        """The waiting events, oldest first, for the next run."""
        return [payload.SerializeToString(deterministic=True) for payload in self._waiting]

    def _append(self, payload: Payload) -> None:
        self._waiting.append(payload)
        self.size += payload.ByteSize()

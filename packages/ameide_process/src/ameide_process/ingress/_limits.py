"""Every bound of the engine, with its unit and its reason."""

from dataclasses import dataclass

from ameide_process.configuration import (
    DEFAULT_HISTORY_BYTES,
    DEFAULT_HISTORY_EVENTS,
    DEFAULT_OLDEST_UNACKNOWLEDGED_SECONDS,
    Problem,
    StartupError,
)
from ameide_process.contract import ProcessContract

MINIMUM_EVENTS_PER_KEY = 16
"""Below this a key would wait for a commit after every few events."""

EVENT_BYTES = 1_900_000
"""Largest event: the server refuses a blob of 2 MiB, and past 4 MiB in a way that looks like overload."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one subscription's engine."""

    events_per_key: int
    """Accepted but uncommitted events of one key: what a redelivery may repeat. See `events_per_key`."""
    concurrent_calls: int = 64
    """Signal-With-Start calls in flight. A key has one at most, so its order holds."""
    batch_bytes: int = 256 * 1024
    """Payload of one signal; a larger event travels alone."""
    batch_events: int = 1_000
    """Events in one signal: what the workflow's pump handles in one workflow task."""
    batch_gap: float = 0.1
    """Seconds between two signals to one key, unless a whole batch waits. Without it: 237 signals a second and 4.6 s
    of CPU for a stream on one key; with it 10 and 0.6 s (measured)."""
    event_bytes: int = EVENT_BYTES
    """Largest event."""
    partition_events: int = 4_000
    """Uncommitted messages of one partition; at the bound it pauses, at half of it it resumes."""
    partition_bytes: int = 32 * 1024 * 1024
    """The same in bytes."""
    total_events: int = 16_000
    """Uncommitted messages of all partitions together, shared equally among them."""
    total_bytes: int = 48 * 1024 * 1024
    """The same in bytes."""
    history_bytes: int = DEFAULT_HISTORY_BYTES
    """History of a workflow above which its key is parked. The server ends a workflow at 50 MB, or what it is told."""
    history_events: int = DEFAULT_HISTORY_EVENTS
    """The same in events; the server refuses the 10,001st signal of a run, or ends it at a limit of its own."""
    unconfirmed_bytes: int = 4 * 1024 * 1024
    """Sent to a key between two looks at its history, at most."""
    unconfirmed_signals: int = 1_000
    """The same in signals."""
    unknown_bytes: int = 32 * 1024
    """Sent to a key that we meet before the first look at its history, at most; half of it on average. A thousand
    starts of an ingress while no worker runs add 16 MB by it, and an event of 1 kB costs a look in one case of 30."""
    resting_keys: int = 20_000
    """Keys with nothing to send whose count is remembered; about 6 MB."""
    drain_seconds: float = 20.0
    """How long a rebalance or a stop waits for calls in flight; then the member gives the partitions up regardless."""
    unacknowledged_seconds: float = DEFAULT_OLDEST_UNACKNOWLEDGED_SECONDS
    """Age at which an unacknowledged message makes the subscription unready."""
    call_seconds: float = 10.0
    """Deadline of one call."""

    def share(self, partitions: int) -> tuple[int, int]:
        """Returns the bound of one partition, in messages and bytes, when so many are assigned."""
        count = max(1, partitions)
        return (
            max(1, min(self.partition_events, self.total_events // count)),
            max(1, min(self.partition_bytes, self.total_bytes // count)),
        )


def events_per_key(contract: ProcessContract) -> int:
    """Says how many accepted but uncommitted events of one key a subscription may have.

    After a crash exactly those come again, of every subscription. Half of the dedupe window covers them all; the
    other half is left to what arrives meanwhile, so that none has left the window when it is repeated.

    Raises:
        StartupError: The window is too small for the number of subscriptions.
    """
    subscriptions = max(1, len(contract.subscriptions))
    allowed = contract.dedupe_window // (2 * subscriptions)
    if allowed < MINIMUM_EVENTS_PER_KEY:
        needed = MINIMUM_EVENTS_PER_KEY * 2 * subscriptions
        raise StartupError(
            [
                Problem(
                    "dedupe_window",
                    str(contract.dedupe_window),
                    f"is too small for {subscriptions} subscriptions; set it to {needed} or more in the proto, "
                    "or have fewer subscriptions",
                )
            ]
        )
    return allowed

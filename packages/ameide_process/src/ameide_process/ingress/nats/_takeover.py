"""What a member holds back that takes over from another, until it has everything that the other left."""

from ameide_process.ingress._message import Message


class Takeover:
    """Messages of a consumer whose unacknowledged ones were delivered to somebody else before.

    The server delivers new messages at once and the others later; the consumer counts both as unacknowledged. When as
    many are held as it counts, nothing is missing, and they may go on in the order of the stream.
    """

    def __init__(self) -> None:
        self._held: dict[int, Message] = {}

    def add(self, message: Message) -> None:
        """Holds a message back."""
        self._held[message.position] = message

    def complete(self, *, unacknowledged: int, acknowledged_below: int) -> list[Message] | None:
        """Says whether nothing is missing any more.

        Args:
            unacknowledged: What the consumer counts, asked after the messages that are held had come.
            acknowledged_below: Position up to which it has none; the other member may end some that are held here.

        Returns:
            The messages in the order of the stream; None: some are missing.
        """
        held = sorted(position for position in self._held if position > acknowledged_below)
        if len(held) < unacknowledged:
            return None
        return [self._held[position] for position in held]

    def __len__(self) -> int:
        return len(self._held)

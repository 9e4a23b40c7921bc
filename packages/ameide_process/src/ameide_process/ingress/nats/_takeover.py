"""What a member holds back that takes over from another, until it has everything that the other left."""

from collections.abc import Collection
from dataclasses import dataclass

from ameide_process.ingress._message import Message
from ameide_process.ingress.nats._delivered import Delivery


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """What the server says of a consumer."""

    unacknowledged: int
    """Messages that are delivered and not acknowledged."""
    acknowledged_below: int
    """Position up to which it has none of them."""
    delivered: int
    """Number of its latest delivery."""


class Takeover:
    """Messages of a consumer whose unacknowledged ones were delivered to somebody else before.

    The server delivers new messages at once and the others later; the consumer counts both as unacknowledged. When as
    many are held as it counts, nothing is missing, and they may go on in the order of the stream; unless the other
    member woke up and acknowledged one that is held here: the count is then reached with another one missing. That
    only happens to what was delivered before. So these are given back once. Those that come again were not
    acknowledged when it was counted: then the count was right, and nothing can go missing after it. Where one
    does not come, it is counted anew.
    """

    def __init__(self) -> None:
        self._held: dict[int, tuple[Message, Delivery]] = {}
        self._doubted: frozenset[int] = frozenset()
        """What was given back when the count was reached."""
        self._delivered = 0
        """Number of the latest delivery at that time."""

    def add(self, message: Message, delivery: Delivery) -> None:
        """Holds a message back."""
        self._held[message.position] = (message, delivery)

    @property
    def held(self) -> frozenset[int]:
        """Positions of what is held."""
        return frozenset(self._held)

    def complete(self, state: ConsumerState, *, held: Collection[int]) -> list[Message] | None:
        """Says whether nothing is missing any more.

        Args:
            state: Of the consumer.
            held: What was held when the server was asked for that; a message that came later may not be counted in it.

        Returns:
            The messages in the order of the stream; None: some are missing, or `doubtful`.
        """
        if self._came_again() or (self._counted(state, held) and not self._delivered_before(state, held)):
            return [self._held[each][0] for each in sorted(self._held) if each > state.acknowledged_below]
        return None

    def doubtful(self, state: ConsumerState, *, held: Collection[int]) -> frozenset[int]:
        """Takes out what must be given back to the server, to see whether it comes again.

        Args:
            state: As in `complete`, which returned None.
            held: Likewise.
        """
        if not self._counted(state, held):
            return frozenset()
        self._doubted, self._delivered = self._delivered_before(state, held), state.delivered
        for each in self._doubted:
            del self._held[each]
        return self._doubted

    def __len__(self) -> int:
        return len(self._held)

    def _came_again(self) -> bool:
        return bool(self._doubted) and all(
            each in self._held and self._held[each][1].number > self._delivered for each in self._doubted
        )

    def _counted(self, state: ConsumerState, held: Collection[int]) -> bool:
        return sum(each > state.acknowledged_below for each in held) >= state.unacknowledged

    def _delivered_before(self, state: ConsumerState, held: Collection[int]) -> frozenset[int]:
        return frozenset(each for each in held if each > state.acknowledged_below and self._held[each][1].times > 1)

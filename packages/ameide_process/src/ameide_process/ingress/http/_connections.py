"""Which connections of a port are kept, and which make room where there are too many.

Whoever reaches the port can open connections, and only who is let in shall be able to hold them. So a connection that
has sent no whole request yet makes room for a new one, the oldest first; then one that waits for its next request, as
any server may close it. What is refused is counted apart while it ends, and cannot fill the port.
"""

import enum
from typing import Final, Protocol

YIELDING_SECONDS: Final = 0.25
"""What a connection is given before it makes room for others: a request follows its connection at once."""

MAX_LEAVING: Final = 256
"""Connections that end, beside those that are held: a share of the files that a process may have open."""


class State(enum.StrEnum):
    """What a connection is waited for, as the metric names it."""

    NEW = "new"
    """It has sent no whole request; by TLS, its handshake may not even be over."""
    IDLE = "idle"
    """It was answered, and may send a further request."""
    SERVING = "serving"
    """Its request is read or waits for its answer."""
    LEAVING = "leaving"
    """It was refused, and is left time to see that."""


HELD: Final = (State.NEW, State.IDLE, State.SERVING)
"""What counts against the limit."""


class Connection(Protocol):
    """What is held."""

    def make_room(self, *, new: bool) -> None:
        """Ends it for another one.

        Args:
            new: It has sent no whole request yet.
        """
        ...

    def abort(self) -> None:
        """Ends it at once, whatever it was sent."""
        ...


class Connections:
    """The connections of one port."""

    def __init__(self, limit: int) -> None:
        """Holds none yet.

        Args:
            limit: Connections that may be held.
        """
        self._limit = limit
        # Each in the order in which connections came to that state.
        self._since: dict[State, dict[Connection, float]] = {state: {} for state in State}
        self._state: dict[Connection, State] = {}

    def number(self, state: State) -> int:
        """Returns how many are in a state."""
        return len(self._since[state])

    def state(self, connection: Connection) -> State | None:
        """Returns the state of a connection; None where it is none of ours any more."""
        return self._state.get(connection)

    def admit(self, connection: Connection, now: float) -> bool:
        """Takes a connection, and ends another one where that must be.

        Args:
            connection: A new one.
            now: Seconds of a clock.

        Returns:
            Whether there is room; otherwise it is none of ours.
        """
        if sum(map(self.number, HELD)) >= self._limit:
            yielding = self._yielding(now)
            if yielding is None:
                return False
            new = self._state[yielding] is State.NEW
            self._put(yielding, State.LEAVING, now)
            yielding.make_room(new=new)
        self._put(connection, State.NEW, now)
        return True

    def move(self, connection: Connection, state: State, now: float) -> None:
        """Notes what a connection is waited for now; nothing where it is none of ours any more."""
        if connection in self._state:
            self._put(connection, state, now)

    def leave(self, connection: Connection, now: float) -> None:
        """Counts a connection apart that ends, even one that was never taken."""
        self._put(connection, State.LEAVING, now)

    def lost(self, connection: Connection) -> None:
        """Forgets a connection that has ended."""
        state = self._state.pop(connection, None)
        if state is not None:
            del self._since[state][connection]

    def abort(self) -> None:
        """Ends all of them at once."""
        for connection in list(self._state):
            connection.abort()

    def _yielding(self, now: float) -> Connection | None:
        for state in (State.NEW, State.IDLE):
            for connection, since in self._since[state].items():
                if now - since >= YIELDING_SECONDS:
                    return connection
                break
        return None

    def _put(self, connection: Connection, state: State, now: float) -> None:
        self.lost(connection)
        self._state[connection] = state
        of_state = self._since[state]
        of_state[connection] = now
        if state is State.LEAVING and len(of_state) > MAX_LEAVING:
            oldest = next(iter(of_state))
            self.lost(oldest)
            oldest.abort()

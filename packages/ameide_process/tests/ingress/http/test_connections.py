"""Which connections are kept where too many come: pure."""

from ameide_process.ingress.http._connections import MAX_LEAVING, YIELDING_SECONDS, Connections, State
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

LIMIT = 4


class Client:
    def __init__(self) -> None:
        self.ended: str | None = None

    def make_room(self, *, new: bool) -> None:
        self.ended = "new" if new else "idle"

    def abort(self) -> None:
        self.ended = "aborted"


def open_connections(held: Connections, number: int, now: float = 0) -> list[Client]:
    clients = [Client() for _ in range(number)]
    assert all(held.admit(client, now) for client in clients)
    return clients


def test_the_oldest_without_a_request_makes_room_before_one_that_was_of_use():
    held = Connections(3)
    idle, first, second = open_connections(held, 3)
    held.move(idle, State.IDLE, 0)
    for expected in (first, second, idle):
        assert expected.ended is None
        newest = Client()
        assert held.admit(newest, YIELDING_SECONDS)
        held.move(newest, State.SERVING, YIELDING_SECONDS)
        assert expected.ended == ("idle" if expected is idle else "new")
    assert not held.admit(Client(), 100)


def test_a_connection_has_time_to_send_its_request():
    held = Connections(2)
    open_connections(held, 2)
    assert not held.admit(Client(), YIELDING_SECONDS / 2)


def test_what_ends_does_not_fill_the_port_and_is_bounded():
    held = Connections(1)
    clients: list[Client] = []
    for _ in range(MAX_LEAVING + 10):
        clients += open_connections(held, 1)
        held.leave(clients[-1], 0)
    assert [client.ended for client in clients[:10]] == ["aborted"] * 10
    assert not any(client.ended for client in clients[10:])


class AnyOrder(RuleBasedStateMachine):
    """Clients that come, are served, leave and vanish, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.held = Connections(LIMIT)
        self.open: list[Client] = []
        self.now = 0.0

    @rule()
    def come(self) -> None:
        before = {client: self.held.state(client) for client in self.open if client.ended is None}
        newest = Client()
        if self.held.admit(newest, self.now):
            self.open.append(newest)
        for client, state in before.items():
            if client.ended is not None:
                assert client.ended == state
                assert self.held.state(client) is State.LEAVING

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0), state=st.sampled_from([State.IDLE, State.SERVING, State.LEAVING]))
    def move(self, which: int, state: State) -> None:
        client = self.open[which % len(self.open)]
        # Nothing comes back from there.
        if self.held.state(client) is not State.LEAVING:
            self.held.move(client, state, self.now)

    @precondition(lambda self: self.open)
    @rule(which=st.integers(0))
    def vanish(self, which: int) -> None:
        client = self.open.pop(which % len(self.open))
        self.held.lost(client)
        self.held.move(client, State.IDLE, self.now)
        assert self.held.state(client) is None

    @rule(seconds=st.floats(0, 1))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def bounded(self) -> None:
        states = [self.held.state(client) for client in self.open]
        assert None not in states
        assert [states.count(state) for state in State] == [self.held.number(state) for state in State]
        assert len(states) - states.count(State.LEAVING) <= LIMIT


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=50, stateful_step_count=30)

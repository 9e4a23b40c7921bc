"""When a member that takes over may go on: never before it has all that the other left, whatever that one does."""

from ameide_process.ingress._message import Message, Partition
from ameide_process.ingress.nats._delivered import Delivery, read_reply
from ameide_process.ingress.nats._takeover import ConsumerState, Takeover
from hypothesis import given, settings
from hypothesis import strategies as st

PARTITION = Partition("orders", 0, acknowledges_each=True)


class Scene:
    """A server, the member that had everything before, and the one that takes over."""

    def __init__(self, left: int) -> None:
        self.left = left
        """The other member was given the positions up to this one."""
        self.last = left
        self.times = dict.fromkeys(range(1, left + 1), 1)
        """By position, of what is not acknowledged."""
        self.deliveries = left
        self.elsewhere = set(self.times)
        """What the server has to deliver to us, sooner or later."""
        self.acknowledged = 0
        self.on_the_way: list[tuple[int, Delivery]] = []
        self.takeover = Takeover()
        self.asked: frozenset[int] | None = None
        self.answer: ConsumerState | None = None
        self.opened: list[int] | None = None

    # What may happen, in any order

    def acknowledge_elsewhere(self, position: int) -> None:
        """By the other member, which may have slept meanwhile, with a reply subject of its own delivery."""
        if position <= self.left:
            self.times.pop(position, None)
            self.elsewhere.discard(position)

    def redeliver(self, position: int) -> None:
        if position in self.elsewhere:
            self.elsewhere.discard(position)
            self.times[position] += 1
            self._deliver(position)

    def expire(self, position: int) -> None:
        """Nobody told the server for too long that it is in hand."""
        if position in self.times and position <= self.left:
            self.elsewhere.add(position)

    def deliver_new(self) -> None:
        self.last += 1
        self.times[self.last] = 1
        self._deliver(self.last)

    def receive(self) -> None:
        if self.on_the_way:
            position, delivery = self.on_the_way.pop(0)
            if position not in self.takeover.held:
                self.takeover.add(Message(PARTITION, position, b""), delivery)

    def look(self) -> None:
        """The next of three steps: we ask, the server answers, the answer is here."""
        if self.asked is None:
            self.asked = self.takeover.held
        elif self.answer is None:
            floor = min(self.times, default=self.last + 1) - 1
            self.answer = ConsumerState(len(self.times), floor, self.deliveries)
        else:
            messages = self.takeover.complete(self.answer, held=self.asked)
            if messages is not None:
                self.opened = [each.position for each in messages]
            else:
                given_back = self.takeover.doubtful(self.answer, held=self.asked)
                self.elsewhere |= given_back & self.times.keys()
            self.asked = self.answer = None

    def _deliver(self, position: int) -> None:
        self.deliveries += 1
        self.on_the_way.append((position, Delivery(self.times[position], position, self.deliveries, 0)))

    # What must hold

    def check(self) -> None:
        if self.opened is not None:
            assert self.opened == sorted(set(self.opened))
            missing = {each for each in self.times if each <= self.left} - set(self.opened)
            assert not missing, "these would come after later ones"

    def quiet(self) -> None:
        """The other member is gone, and the server delivers what is left."""
        for _ in range(20):
            for position in sorted(self.elsewhere):
                self.redeliver(position)
            while self.on_the_way:
                self.receive()
            self.look()
            if self.opened is not None:
                return
        raise AssertionError("it waits for ever")


STEPS = st.lists(
    st.sampled_from(
        [*((name, each) for name in ("acknowledge", "redeliver", "expire") for each in (1, 2, 3)), ("new", 0)]
        + [("receive", 0), ("look", 0)] * 4
    ),
    max_size=40,
)


@settings(max_examples=2000)
@given(st.integers(0, 3), STEPS)
def test_nothing_goes_on_before_what_the_other_left(left: int, steps: list[tuple[str, int]]) -> None:
    scene = Scene(left)
    for name, position in steps:
        match name:
            case "acknowledge":
                scene.acknowledge_elsewhere(position)
            case "redeliver":
                scene.redeliver(position)
            case "expire":
                scene.expire(position)
            case "new":
                scene.deliver_new()
            case "receive":
                scene.receive()
            case _:
                scene.look()
        scene.check()
        if scene.opened is not None:
            return
    scene.quiet()
    scene.check()


def test_a_member_that_wakes_and_acknowledges_does_not_open_the_way_for_what_is_later() -> None:
    """Two are left; the second came to us, the other member wakes and acknowledges it, and still has the first."""
    scene = Scene(2)
    scene.redeliver(2)
    scene.deliver_new()
    scene.receive()
    scene.receive()
    scene.acknowledge_elsewhere(2)
    for _ in range(6):
        scene.look()
    assert scene.opened is None, "1 is missing, though as many are held as the server counts"
    scene.quiet()
    assert scene.opened == [1, 3]


def test_what_was_on_the_way_before_it_was_given_back_proves_nothing() -> None:
    """The second is delivered twice before the other member wakes and acknowledges it."""
    scene = Scene(2)
    scene.redeliver(2)
    scene.deliver_new()
    scene.receive()
    scene.receive()
    scene.expire(2)
    scene.redeliver(2)
    scene.acknowledge_elsewhere(2)
    for _ in range(3):
        scene.look()
    scene.receive()
    for _ in range(3):
        scene.look()
    assert scene.opened is None, "1 is missing"
    scene.quiet()
    assert scene.opened == [1, 3]


def test_what_came_after_the_question_is_not_counted_in_the_answer() -> None:
    scene = Scene(1)
    scene.deliver_new()
    scene.receive()
    scene.look()
    scene.look()
    scene.deliver_new()
    scene.receive()
    scene.look()
    assert scene.opened is None, "1 is missing, though two are held and the server counted two"
    scene.quiet()
    assert scene.opened == [1, 2, 3]


def test_a_first_member_waits_for_nobody() -> None:
    scene = Scene(0)
    scene.deliver_new()
    scene.receive()
    for _ in range(3):
        scene.look()
    assert scene.opened == [1]


def test_replies_read_the_same_with_a_domain() -> None:
    expected = Delivery(times=3, position=17, number=42, time_ms=1_700_000_000_123)
    assert read_reply("$JS.ACK.orders.c.3.17.42.1700000000123456789.5") == expected
    assert read_reply("$JS.ACK.hub.A1B2.orders.c.3.17.42.1700000000123456789.5.x") == expected

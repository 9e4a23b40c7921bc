"""What one run hands to the next arrives, what this version does not know too."""

from ameide_core_proto.process.v1.process_runtime_pb2 import CarryOver, EventCounts, RecordedFailure
from ameide_process.workflow import _carry_over
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.common.v1 import Payload

UNKNOWN = bytes([0xBA, 0x3E, 3]) + b"new"
"""Field 999 as a newer version would write it."""

_carried = st.builds(
    CarryOver,
    state=st.binary(),
    run_epoch=st.integers(1, 9),
    seq=st.integers(0, 9),
    applied=st.binary(min_size=16, max_size=16),
    pending=st.lists(st.binary(max_size=9), max_size=3),
    phase=st.text(),
    failures=st.lists(st.builds(RecordedFailure, reason=st.text()), max_size=3),
    counts=st.builds(EventCounts, applied=st.integers(0, 9)),
    start=st.binary(),
)


def _grown(message: Message) -> bytes:
    return message.SerializeToString() + UNKNOWN


@given(_carried)
def test_what_is_packed_is_unpacked(carried: CarryOver) -> None:
    assert _carry_over.unpack(_carry_over.binary_argument(carried).payload) == carried


@given(st.binary(), st.dictionaries(st.text(), st.binary()))
def test_a_start_argument_is_carried_as_it_came(data: bytes, metadata: dict[str, bytes]) -> None:
    start = Payload(metadata=metadata, data=data)
    assert _carry_over.unpack(start) == CarryOver(start=start.SerializeToString(deterministic=True))


@given(_carried)
def test_the_frame_of_the_next_run_keeps_what_this_version_does_not_know(carried: CarryOver) -> None:
    frame = _carry_over.remainder(CarryOver.FromString(_grown(carried)))
    assert frame.SerializeToString().endswith(UNKNOWN)
    assert (frame.start, frame.run_epoch, frame.phase) == (carried.start, carried.run_epoch, carried.phase)
    taken_over = {"state", "applied", "pending", "failures", "counts"}
    assert not taken_over & {field.name for field, _ in frame.ListFields()}


def test_an_argument_is_binary_and_says_its_type() -> None:
    payload = _carry_over.binary_argument(CarryOver(run_epoch=1)).payload
    assert payload.metadata["encoding"] == b"binary/protobuf"
    assert payload.metadata["messageType"] == b"ameide_core_proto.process.v1.CarryOver"

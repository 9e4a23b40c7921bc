"""Durations of activity options."""

from datetime import timedelta

from protoc_gen_process.parse.declarations import DurationValue, Given
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.scope import Scope

_MAXIMUM_SECONDS = 315_576_000_000
"""Protobuf's limit of a Duration: about 10,000 years."""
_NANOS = 1_000_000_000
_NANOS_PER_MICROSECOND = 1_000


def check_duration(scope: Scope, option: str, given: Given[DurationValue] | None) -> timedelta | None:
    """Checks a duration; returns None where it is not given or not usable."""
    if given is None:
        return None
    seconds, nanos = given.value.seconds, given.value.nanos
    if not 0 <= seconds <= _MAXIMUM_SECONDS or not 0 <= nanos < _NANOS or (seconds == 0 and nanos == 0):
        problem = f"{option} is {_shown(given.value)}"
        remedy = "write a duration above zero, nanos from 0 to 999,999,999"
    elif nanos % _NANOS_PER_MICROSECOND:
        problem = f"{option} is {_shown(given.value)}, and Python has no time units below a microsecond"
        remedy = "write nanos in thousands"
    else:
        return timedelta(seconds=seconds, microseconds=nanos // _NANOS_PER_MICROSECOND)
    scope.refuse(Rule.DURATION_INVALID, given.place, problem, remedy)
    return None


def _shown(value: DurationValue) -> str:
    return f"{{seconds: {value.seconds}, nanos: {value.nanos}}}"

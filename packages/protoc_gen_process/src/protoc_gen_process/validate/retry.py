"""Retry policies of activities."""

import math

from protoc_gen_process.model import RetryPolicy
from protoc_gen_process.parse.declarations import DeclaredRetryPolicy, Given
from protoc_gen_process.policies import DEFAULT_INITIAL_INTERVAL
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.durations import check_duration
from protoc_gen_process.validate.scope import Scope

_MAXIMUM_ATTEMPTS = 2**31 - 1
"""Temporal's field is a signed 32-bit integer."""


def check_retry(scope: Scope, rpc: str, declared: DeclaredRetryPolicy) -> RetryPolicy:
    """Checks the retry policy of an activity."""
    initial = check_duration(scope, f"initial_interval of {rpc}", declared.initial_interval)
    maximum = check_duration(scope, f"maximum_interval of {rpc}", declared.maximum_interval)
    first_wait = initial or DEFAULT_INITIAL_INTERVAL
    if declared.maximum_interval is not None and maximum is not None and maximum < first_wait:
        scope.refuse(
            Rule.RETRY_INTERVALS,
            declared.maximum_interval.place,
            f"maximum_interval of {rpc} is shorter than the first wait of {first_wait.total_seconds():g} s",
            "write a longer one, or a shorter initial_interval",
        )
    return RetryPolicy(
        initial_interval=initial,
        backoff_coefficient=_backoff(scope, rpc, declared.backoff_coefficient),
        maximum_interval=maximum,
        maximum_attempts=_attempts(scope, rpc, declared.maximum_attempts),
        non_retryable_error_types=_error_types(scope, rpc, declared.non_retryable_error_types),
    )


def _backoff(scope: Scope, rpc: str, given: Given[float] | None) -> float | None:
    if given is None:
        return None
    if not math.isfinite(given.value) or given.value < 1:
        scope.refuse(
            Rule.RETRY_BACKOFF,
            given.place,
            f"backoff_coefficient of {rpc} is {given.value:g}, so waits would not grow",
            "write a number from 1 up",
        )
    return given.value


def _attempts(scope: Scope, rpc: str, given: Given[int] | None) -> int | None:
    if given is None:
        return None
    if not 1 <= given.value <= _MAXIMUM_ATTEMPTS:
        scope.refuse(
            Rule.RETRY_ATTEMPTS,
            given.place,
            f"maximum_attempts of {rpc} is {given.value}",
            f"write 1 to {_MAXIMUM_ATTEMPTS}, or leave it out for no limit",
        )
    return given.value


def _error_types(scope: Scope, rpc: str, given: tuple[Given[str], ...]) -> tuple[str, ...]:
    names: list[str] = []
    for number, one in enumerate(given, start=1):
        if not one.value.strip() or one.value in names:
            problem = "twice" if one.value in names else "which is no name"
            scope.refuse(
                Rule.RETRY_ERROR_TYPE,
                one.place,
                f"non_retryable_error_types of {rpc} has {one.value!r} as entry {number}, {problem}",
                "write the type of each ApplicationError once",
            )
        names.append(one.value)
    return tuple(names)

"""Tells workflows that an output takes progress facts."""

from collections.abc import Callable, MutableMapping
from typing import cast

from temporalio.worker import Interceptor, WorkflowInboundInterceptor, WorkflowInterceptorClassInput

from ameide_process.workflow import PROGRESS_FUNCTION


class ProgressBound(Interceptor):
    """Given to workers where the output `progress` is bound."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 -- the SDK's name
    ) -> type[WorkflowInboundInterceptor] | None:
        """Leaves the word among what workflow code can reach outside of the sandbox."""
        functions = cast("MutableMapping[str, Callable[[], None]]", input.unsafe_extern_functions)  # pyright: ignore[reportUnknownMemberType] -- the SDK's bare Callable
        functions[PROGRESS_FUNCTION] = _never_called
        return None


def _never_called() -> None:
    """Stands for the binding."""

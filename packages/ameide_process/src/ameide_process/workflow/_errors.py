"""Errors with which impl code tells the engine what to do."""

from temporalio.exceptions import ApplicationError


class ProcessFailedError(ApplicationError):
    """Raised in a handler: the workflow fails.

    Any other permanent error of a handler (an `ApplicationError`, an activity that failed for good) is recorded, and
    the workflow goes on with the next event. In `run` every such error fails the workflow.
    """

    def __init__(self, message: str, *details: object) -> None:
        super().__init__(message, *details, type="ProcessFailed", non_retryable=True)


class UntilInHandlerError(RuntimeError):
    """`until` was called in a handler, which could wait for an event that is queued behind it.

    Not a failure of the workflow: the workflow task is retried until the code is mended.
    """

    def __init__(self) -> None:
        super().__init__("until() in a handler could wait for what is queued behind it; wait in run() instead")


class UnknownStartError(RuntimeError):
    """The start argument is none that this worker knows.

    Not a failure of the workflow: the workflow task is retried until a worker that knows it takes over.
    """


class FactTooLargeError(ApplicationError):
    """An emitted fact is longer than Temporal and the streams take.

    A permanent error: in a handler it is recorded, in `run` it fails the workflow.
    """

    def __init__(self, message_type: str, size: int, limit: int) -> None:
        super().__init__(
            f"a {message_type} of {size} bytes is emitted, and {limit} are the limit; leave out what is large",
            type="FactTooLarge",
            non_retryable=True,
        )

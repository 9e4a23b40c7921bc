"""Does Temporal's sandbox take the workflow? The worker asks that when it is made; tests need no server to ask it."""

from temporalio import workflow

from ameide_process.sandbox import workflow_runner
from ameide_process.worker_parts import WorkerParts


def prepare_in_sandbox(parts: WorkerParts) -> None:
    """Imports the workflow class and the impl in the sandbox that the worker uses.

    Raises:
        RestrictedWorkflowAccessError: What is imported does what the sandbox forbids.
        Exception: Whatever else importing them raises.
    """
    definition = workflow._Definition.must_from_class(parts.workflow)  # pyright: ignore[reportPrivateUsage] # noqa: SLF001 -- as the SDK's worker does; there is no public name
    workflow_runner(parts).prepare_workflow(definition)

"""The sandbox of a process: all that is generated or ours is shared by all runs, the impl is imported anew for each.

The SDK would import the module of the workflow class anew, and the impl because that module imports it. Here the class
is shared too and only the impl comes anew, which spares a millisecond of CPU for every workflow, of the two that the
SDK spends on imports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from ameide_process.worker_parts import WorkerParts
from ameide_process.workflow import ProcessDefinition

_SHARED = ("ameide_process", "ameide_core_proto", "opentelemetry")
"""OpenTelemetry's context is where the SDK's interceptor keeps the span of a workflow."""

_GENERATED_MODULES = ("contract", "workflow", "activities", "router")
"""Generated modules beside the one of the workflow class."""


@dataclass(frozen=True)
class ProcessRunner(SandboxedWorkflowRunner):
    """Makes sandboxed workflow instances into which a module is imported anew.

    Attributes:
        impl: The module; empty: it comes with the workflow class.
    """

    impl: str = ""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Makes the instance of one run; the worker does so once at its start too, to see that all imports."""
        # The SDK's sandboxed instance, which has no public type.
        instance: Any = super().create_instance(det)
        if self.impl:
            with instance.importer.applied():
                __import__(self.impl)
        return instance


def workflow_runner(parts: WorkerParts) -> ProcessRunner:
    """Makes the sandbox of a process."""
    package, _, entry = parts.workflow.__module__.rpartition(".")
    impl = parts.process.__module__
    # A workflow class beside its impl, as a test may have it, comes anew with it.
    generated = _GENERATED_MODULES if impl == parts.workflow.__module__ else (*_GENERATED_MODULES, entry)
    restrictions = SandboxRestrictions.default.with_passthrough_modules(
        *_SHARED, *_message_packages(parts.definition), *(f"{package}.{module}" for module in generated)
    )
    return ProcessRunner(restrictions=restrictions, impl="" if impl == parts.workflow.__module__ else impl)


def _message_packages(definition: ProcessDefinition) -> Sequence[str]:
    messages: tuple[type[Message], ...] = (definition.envelope_type, definition.state_type, *definition.start_types)
    return sorted({message.__module__.partition(".")[0] for message in messages})

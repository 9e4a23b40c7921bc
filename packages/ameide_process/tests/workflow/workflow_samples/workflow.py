"""What the sample processes share. Passed through the sandbox, like the generated module of the same name."""

from dataclasses import replace
from typing import Any, Final, TypeAlias

from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import (
    EventMeta,
    OrderFulfillmentEvent,
    OrderFulfillmentResultV1,
    OrderFulfillmentStartV1,
    OrderFulfillmentStateV1,
    OrderKey,
    ReleaseStockRequest,
    ReserveStockRequest,
)
from ameide_process.contract import CaseRole, PayloadCase, ProcessContract, WorkflowKind
from ameide_process.worker_parts import WorkerParts
from ameide_process.workflow import Process, ProcessDefinition, ProcessWorkflow
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy
from workflow_samples.activities import SampleActivityCalls, registrations

Start: TypeAlias = OrderFulfillmentStartV1
State: TypeAlias = OrderFulfillmentStateV1
Result: TypeAlias = OrderFulfillmentResultV1
Meta: TypeAlias = EventMeta
Event: TypeAlias = OrderFulfillmentEvent

SampleProcess: TypeAlias = Process[State, OrderKey, SampleActivityCalls]

CASES: Final = tuple(
    PayloadCase(name=name, event_type=f"sample.{name}.v1", role=CaseRole.FACT)
    for name in ("order_placed", "payment_authorized", "shipment_created", "cancel_order")
)


def _key(start: Any) -> OrderKey:
    return start.key


def _idempotency_key(event: Any) -> str:
    return event.meta.idempotency_key


CONTRACT: Final = ProcessContract(
    name="sample",
    workflow_type="sample",
    default_task_queue="sample",
    api_major=1,
    api_minor=0,
    kind=WorkflowKind.ENTITY,
    reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    dedupe_window=4096,
    cases=CASES,
    subscriptions=(),
    digest="0" * 64,
)

DEFINITION: Final = ProcessDefinition(
    contract=CONTRACT,
    envelope_type=OrderFulfillmentEvent,
    start_types=(OrderFulfillmentStartV1,),
    state_type=OrderFulfillmentStateV1,
    key=_key,
    idempotency_key=_idempotency_key,
    calls=SampleActivityCalls,
)

TRANSACTION_DEFINITION: Final = replace(DEFINITION, contract=replace(CONTRACT, kind=WorkflowKind.TRANSACTION))


def parts(
    workflow: type[ProcessWorkflow], process: type[Process[Any, Any, Any]], definition: ProcessDefinition = DEFINITION
) -> WorkerParts:
    """What a worker of a sample process consists of; the test gives it the implementation of the activities."""
    return WorkerParts(
        definition=definition, workflow=workflow, process=process, activities=object, registrations=registrations
    )


def log(state: State, entry: str) -> None:
    """Notes an entry in the state, which tests read back in order."""
    state.order.lines.add(sku=entry)


def logged(state: State) -> list[str]:
    """The entries noted so far."""
    return [line.sku for line in state.order.lines]


def reserve(entry: str) -> ReserveStockRequest:
    """A request that tells the test which call it is."""
    request = ReserveStockRequest()
    request.lines.add(sku=entry)
    return request


def release(entry: str) -> ReleaseStockRequest:
    """A request of the compensating activity."""
    return ReleaseStockRequest(key=OrderKey(order_id=entry))

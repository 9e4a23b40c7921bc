"""Declarations to contracts: every rule of `protoc_gen_process.rules`, and every default.

All rules are checked in one run; a part that is wrong does not keep others from being checked.
"""

from collections.abc import Iterator
from dataclasses import replace

from protoc_gen_process.diagnostics import Diagnostic, Report
from protoc_gen_process.model import Envelope, Process
from protoc_gen_process.parse.declarations import Declarations, DeclaredFile, DeclaredProcess
from protoc_gen_process.proto_types import Schema
from protoc_gen_process.validate.activities import check_service
from protoc_gen_process.validate.envelope import FoundEnvelope, find_envelope
from protoc_gen_process.validate.events import check_events
from protoc_gen_process.validate.identity import Identity, check_identity, check_uniqueness
from protoc_gen_process.validate.lifecycle import check_part_names, check_parts, find_result, find_starts, find_state
from protoc_gen_process.validate.markers import check_markers
from protoc_gen_process.validate.message_names import check_message_names
from protoc_gen_process.validate.option_places import check_lost_options, check_option_places
from protoc_gen_process.validate.policies import check_policies
from protoc_gen_process.validate.schema import schema_of
from protoc_gen_process.validate.scope import Scope, message_type
from protoc_gen_process.validate.subscriptions import check_subscriptions
from protoc_gen_process.validate.workflow_id import IdContext, check_overlaps, check_workflow_id

__all__ = ["validate"]


def validate(declarations: Declarations, source_root: str = "") -> tuple[tuple[Process, ...], tuple[Diagnostic, ...]]:
    """Checks all rules.

    Args:
        declarations: What the files say.
        source_root: Directory that paths are relative to, for texts that name another file.

    Returns:
        The contracts in the order of the files, and what is wrong. Contracts are complete only where nothing is.
    """
    report = Report(source_root)
    check_option_places(declarations, report)
    check_uniqueness(declarations, report)
    processes = tuple(_processes(declarations, report))
    check_overlaps(processes, declarations, report)
    return processes, report.diagnostics


def _processes(declarations: Declarations, report: Report) -> Iterator[Process]:
    for file in declarations.process_files:
        if file.process is not None:
            process = _process(Scope(declarations, file, file.process, report))
            if process is not None:
                yield process


def _process(scope: Scope) -> Process | None:
    """Returns the contract of a process, None where something that it is made of is missing."""
    if not check_lost_options(scope):
        return None  # what is lost would be reported as missing
    identity = check_identity(scope)
    policies = check_policies(scope)
    subscriptions = check_subscriptions(scope)
    service = check_service(scope)
    check_message_names(scope)
    found = find_envelope(scope)
    if found is None:
        return None
    markers = check_markers(scope, found, policies.kind)
    workflow_id = check_workflow_id(scope, IdContext(found, markers, policies.kind, _name(identity, scope.process)))
    events = check_events(scope, found)
    check_parts(scope, found)
    others = _other_parts(scope.file, found)
    check_part_names(scope, others)
    starts = find_starts(scope, found, markers.key, others)
    state = find_state(scope, others)
    result = find_result(scope, others)
    if (
        identity is None
        or markers.idempotency_key is None
        or markers.schema_version is None
        or markers.key is None
        or workflow_id is None
        or not starts
    ):
        return None
    envelope = Envelope(
        message=message_type(found.message),
        meta=message_type(found.meta),
        cases=events.cases,
        idempotency_key=markers.idempotency_key,
        schema_version=markers.schema_version,
    )
    process = Process(
        name=identity.name,
        source=scope.file.path,
        docs=scope.file.docs,
        workflow_type=identity.workflow_type,
        default_task_queue=identity.default_task_queue,
        api_major=identity.api_major,
        api_minor=identity.api_minor,
        policies=policies,
        envelope=envelope,
        key=markers.key,
        workflow_id=workflow_id,
        starts=starts,
        state=state,
        result=result,
        service=service,
        subscriptions=subscriptions,
        emitted=events.emitted,
        schema=Schema(messages=(), enums=()),
    )
    names = (message.python.proto_name for message in process.messages())
    return replace(process, schema=schema_of(names, scope.declarations))


def _name(identity: Identity | None, process: DeclaredProcess) -> str:
    """Returns the name for checks that need one, whatever else of the identity is missing."""
    if identity is not None:
        return identity.name
    return process.name.value if process.name is not None else "name"


def _other_parts(file: DeclaredFile, envelope: FoundEnvelope) -> frozenset[str]:
    """Returns the messages whose part is known, whatever their names look like."""
    messages = {envelope.message.full_name, envelope.meta.full_name, *(field.type for field in envelope.cases)}
    for service in file.services:
        for rpc in service.rpcs:
            messages |= {rpc.request, rpc.response}
    return frozenset(messages)

"""Our options, read from descriptors into declarations.

The one module that knows the generated view of the option language. Every field of every option message is read here;
a test walks the messages to prove it.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from protobuf import Enum as ProtoEnum
from protobuf import Extension, Message
from protobuf.wkt import Duration
from protobuf.wkt.google.protobuf.descriptor_pb import FieldOptions, FileOptions, MessageOptions, MethodOptions

from protoc_gen_process._proto.ameide_core_proto.common.v1 import eventing_pb
from protoc_gen_process._proto.ameide_core_proto.process.v1 import process_options_pb as options_pb
from protoc_gen_process.diagnostics import Place
from protoc_gen_process.model import IdMode, ReusePolicy, VersioningBehavior, WorkflowKind
from protoc_gen_process.parse.declarations import (
    DeclaredActivityOptions,
    DeclaredCommand,
    DeclaredEventFact,
    DeclaredMarkers,
    DeclaredProcess,
    DeclaredRetryPolicy,
    DeclaredStart,
    DeclaredSubscription,
    DeclaredWorkflowId,
    Delivery,
    DurationValue,
    Given,
)
from protoc_gen_process.parse.source_locations import SourceLocations, SourcePath

T = TypeVar("T")
E = TypeVar("E", bound=Enum)
M = TypeVar("M", bound=Message)
OptionsT = TypeVar("OptionsT", bound=Message)

OUR_EXTENSIONS: tuple[Extension[Any, Any], ...] = (
    options_pb.ext_process,
    options_pb.ext_fact,
    options_pb.ext_command,
    options_pb.ext_state,
    options_pb.ext_start,
    options_pb.ext_result,
    options_pb.ext_markers,
    options_pb.ext_activity,
    eventing_pb.ext_event_fact,
)
"""All extensions of descriptor options that this plugin reads."""


class NotTextError(ValueError):
    """A string in an option is no UTF-8, which compilers let through when it is written in escapes."""

    def __init__(self, option: str, place: Place) -> None:
        super().__init__(f"a string in option {option} is no UTF-8; write characters, or escapes that make them")
        self.place = place


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the fields of one option message, with their places."""

    message: Message
    locations: SourceLocations
    path: SourcePath

    @property
    def place(self) -> Place:
        return self.locations.place(self.path)

    def path_of(self, name: str) -> SourcePath:
        """Returns the source path of a field of the message."""
        number = next(field.number for field in self.message.desc().fields if field.name == name)
        return (*self.path, number)

    def given(self, name: str, value: T) -> Given[T] | None:
        """Returns the value of a field with its place, None where the field is not written."""
        if not self.message.has_field(name):
            return None
        return Given(value, self.locations.place(self.path_of(name)))

    def given_enum(self, name: str, value: ProtoEnum, enum: type[E]) -> Given[E] | None:
        """Returns the value of an enum field, None where it is not written or written as unspecified."""
        if not self.message.has_field(name) or int(value) == 0:
            return None
        return Given(enum[value.name], self.locations.place(self.path_of(name)))

    def given_duration(self, name: str, value: Duration | None) -> Given[DurationValue] | None:
        """Returns the value of a duration field with its place, None where the field is not written."""
        if value is None:
            return None
        return Given(DurationValue(value.seconds, value.nanos), self.locations.place(self.path_of(name)))

    def given_all(self, name: str, values: Sequence[T]) -> tuple[Given[T], ...]:
        """Returns the values of a repeated field with their places."""
        path = self.path_of(name)
        paths = [self.locations.element_path(path, index, len(values)) for index in range(len(values))]
        return tuple(Given(value, self.locations.place(own)) for value, own in zip(values, paths, strict=True))

    def child(self, name: str, message: M) -> "tuple[M, _Reader]":
        """Returns a message field, and its reader."""
        return message, _Reader(message, self.locations, self.path_of(name))

    def children(self, name: str, messages: Sequence[M]) -> "list[tuple[M, _Reader]]":
        """Returns the values of a repeated message field, each with its reader."""
        path, count = self.path_of(name), len(messages)
        return [
            (message, _Reader(message, self.locations, self.locations.element_path(path, index, count)))
            for index, message in enumerate(messages)
        ]


class OptionsReader:
    """Reads our options of the elements of one file, and remembers which hold something unknown."""

    def __init__(self, locations: SourceLocations, defined: AbstractSet[str]) -> None:
        """Makes a reader.

        Args:
            locations: Source locations of the file.
            defined: Full names of the extensions that the request defines. Numbers alone do not tell our options: in
                a request without them, others may use the same.
        """
        self._locations = locations
        self._defined = defined
        self._unknown: list[Given[str]] = []

    @property
    def unknown(self) -> tuple[Given[str], ...]:
        """The options read so far that hold a field or enum value which this version does not know."""
        return tuple(self._unknown)

    def process(self, options: FileOptions | None, path: SourcePath) -> DeclaredProcess | None:
        """Reads the process option of a file; `path` is that of the file's options."""
        found = self._find(options, options_pb.ext_process, path)
        if found is None:
            return None
        value, reader = found
        return DeclaredProcess(
            place=reader.place,
            name=reader.given("name", value.name),
            workflow_type=reader.given("workflow_type", value.workflow_type),
            default_task_queue=reader.given("default_task_queue", value.default_task_queue),
            workflow_id=_workflow_id(*reader.child("workflow_id", value.workflow_id)) if value.workflow_id else None,
            kind=reader.given_enum("kind", value.kind, WorkflowKind),
            reuse_policy=reader.given_enum("reuse_policy", value.reuse_policy, ReusePolicy),
            singleton_per_key=reader.given("singleton_per_key", value.singleton_per_key),
            dedupe_window=reader.given("dedupe_window", value.dedupe_window),
            versioning_behavior=reader.given_enum("versioning_behavior", value.versioning_behavior, VersioningBehavior),
            api_major=reader.given("api_major", value.api_major),
            api_minor=reader.given("api_minor", value.api_minor),
            ingress=tuple(_subscription(*child) for child in reader.children("ingress", value.ingress)),
        )

    def fact(self, options: MessageOptions | None, path: SourcePath) -> Place | None:
        """Returns where a message says that it is a fact."""
        return self._marker(options, options_pb.ext_fact, path)

    def state(self, options: MessageOptions | None, path: SourcePath) -> Place | None:
        """Returns where a message says that it is the state."""
        return self._marker(options, options_pb.ext_state, path)

    def result(self, options: MessageOptions | None, path: SourcePath) -> Place | None:
        """Returns where a message says that it is the result."""
        return self._marker(options, options_pb.ext_result, path)

    def command(self, options: MessageOptions | None, path: SourcePath) -> DeclaredCommand | None:
        """Reads the command option of a message."""
        found = self._find(options, options_pb.ext_command, path)
        if found is None:
            return None
        value, reader = found
        return DeclaredCommand(reader.place, reader.given_enum("delivery", value.delivery, Delivery))

    def start(self, options: MessageOptions | None, path: SourcePath) -> DeclaredStart | None:
        """Reads the start option of a message."""
        found = self._find(options, options_pb.ext_start, path)
        if found is None:
            return None
        value, reader = found
        return DeclaredStart(reader.place, reader.given("version", value.version))

    def event_fact(self, options: MessageOptions | None, path: SourcePath) -> DeclaredEventFact | None:
        """Reads the external identity of a message."""
        found = self._find(options, eventing_pb.ext_event_fact, path)
        if found is None:
            return None
        value, reader = found
        return DeclaredEventFact(
            place=reader.place,
            type=reader.given("type", value.type),
            schema_subject=reader.given("schema_subject", value.schema_subject),
            stream_ref=reader.given("stream_ref", value.stream_ref),
            partition_key_fields=reader.given_all("partition_key_fields", value.partition_key_fields),
            idempotency_key_fields=reader.given_all("idempotency_key_fields", value.idempotency_key_fields),
        )

    def markers(self, options: FieldOptions | None, path: SourcePath) -> DeclaredMarkers | None:
        """Reads the markers of a field."""
        found = self._find(options, options_pb.ext_markers, path)
        if found is None:
            return None
        value, reader = found
        return DeclaredMarkers(
            place=reader.place,
            workflow_key=reader.given("workflow_key", value.workflow_key),
            idempotency_key=reader.given("idempotency_key", value.idempotency_key),
            schema_version=reader.given("schema_version", value.schema_version),
        )

    def activity(self, options: MethodOptions | None, path: SourcePath) -> DeclaredActivityOptions | None:
        """Reads the activity option of an rpc."""
        found = self._find(options, options_pb.ext_activity, path)
        if found is None:
            return None
        value, reader = found
        return DeclaredActivityOptions(
            place=reader.place,
            start_to_close=reader.given_duration("start_to_close", value.start_to_close),
            schedule_to_close=reader.given_duration("schedule_to_close", value.schedule_to_close),
            heartbeat=reader.given_duration("heartbeat", value.heartbeat),
            retry_policy=_retry(*reader.child("retry_policy", value.retry_policy)) if value.retry_policy else None,
            task_queue=reader.given("task_queue", value.task_queue),
        )

    def _marker(self, options: OptionsT | None, extension: Extension[OptionsT, M], path: SourcePath) -> Place | None:
        found = self._find(options, extension, path)
        return found[1].place if found is not None else None

    def _find(
        self, options: OptionsT | None, extension: Extension[OptionsT, M], path: SourcePath
    ) -> tuple[M, _Reader] | None:
        """Returns an option and its reader, None where it is not written.

        Raises:
            NotTextError: It holds a string that is none.
        """
        if options is None or extension.desc().type_name not in self._defined or extension not in options:
            return None
        try:
            value = options[extension]
        except UnicodeDecodeError as error:
            place = self._locations.place((*path, extension.desc().number))
            raise NotTextError(extension.desc().type_name, place) from error
        reader = _Reader(value, self._locations, (*path, extension.desc().number))
        if len(value.to_binary()) != len(value.to_binary(write_unknown_fields=False)):
            self._unknown.append(Given(extension.desc().type_name, reader.place))
        return value, reader


def _workflow_id(value: options_pb.WorkflowId, reader: _Reader) -> DeclaredWorkflowId:
    return DeclaredWorkflowId(
        place=reader.place,
        mode=reader.given_enum("mode", value.mode, IdMode),
        template=reader.given("template", value.template),
        prefix=reader.given("prefix", value.prefix),
    )


def _subscription(value: options_pb.IngressSubscription, reader: _Reader) -> DeclaredSubscription:
    return DeclaredSubscription(
        place=reader.place,
        name=reader.given("name", value.name),
        kind=reader.given("kind", value.kind),
        binding_ref=reader.given("binding_ref", value.binding_ref),
    )


def _retry(value: options_pb.ActivityRetryPolicy, reader: _Reader) -> DeclaredRetryPolicy:
    return DeclaredRetryPolicy(
        place=reader.place,
        initial_interval=reader.given_duration("initial_interval", value.initial_interval),
        backoff_coefficient=reader.given("backoff_coefficient", value.backoff_coefficient),
        maximum_interval=reader.given_duration("maximum_interval", value.maximum_interval),
        maximum_attempts=reader.given("maximum_attempts", value.maximum_attempts),
        non_retryable_error_types=reader.given_all("non_retryable_error_types", value.non_retryable_error_types),
    )

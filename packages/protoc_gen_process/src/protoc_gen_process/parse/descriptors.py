"""Files, messages, fields and services, from descriptors into declarations."""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import assert_never

from protobuf import (
    DescEnum,
    DescExtension,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescFile,
    DescMessage,
    DescMethod,
    DescOneof,
    DescService,
    ScalarType,
)
from protobuf.wkt.google.protobuf.descriptor_pb import FeatureSet

from protoc_gen_process.parse.declarations import (
    DeclaredField,
    DeclaredFile,
    DeclaredMessage,
    DeclaredName,
    DeclaredRpc,
    DeclaredService,
    FieldKind,
)
from protoc_gen_process.parse.options import OptionsReader
from protoc_gen_process.parse.source_locations import SourceLocations, SourcePath
from protoc_gen_process.proto_types import EnumType, PythonType
from protoc_gen_process.python_names import module_of

# Field numbers of descriptor.proto, of which source paths are made.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE, _FILE_EXTENSION, _FILE_OPTIONS = 4, 5, 6, 7, 8
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM, _MESSAGE_EXTENSION, _MESSAGE_OPTIONS = 2, 3, 4, 6, 7
_ENUM_VALUE = 2
_FIELD_OPTIONS = 8
_SERVICE_METHOD, _METHOD_OPTIONS = 2, 4


class FileParser:
    """Parses one file."""

    def __init__(self, desc: DescFile, *, is_requested: bool, defined_options: AbstractSet[str]) -> None:
        self._desc = desc
        self._is_requested = is_requested
        self._locations = SourceLocations(desc)
        self._options = OptionsReader(self._locations, defined_options)

    def parse(self) -> DeclaredFile:
        """Returns what the file says."""
        desc = self._desc
        messages = tuple(self._messages(desc.messages, desc.proto.message_type, (_FILE_MESSAGE,)))
        services = tuple(self._service(service, (_FILE_SERVICE, i)) for i, service in enumerate(desc.services))
        process = self._options.process(desc.proto.options, (_FILE_OPTIONS,))
        return DeclaredFile(
            path=desc.name,
            docs=self._locations.file_docs(),
            imports=(*desc.proto.dependency, *desc.proto.option_dependency),
            is_requested=self._is_requested,
            process=process,
            messages=messages,
            services=services,
            other_names=(
                *self._enum_names(desc.enums, (_FILE_ENUM,)),
                *self._extension_names(desc.extensions, (_FILE_EXTENSION,)),
            ),
            unknown_options=self._options.unknown,
        )

    def _messages(
        self, messages: Iterable[DescMessage], protos: Iterable[object], path: SourcePath
    ) -> Iterator[DeclaredMessage]:
        # Map entries are among the protos, and so in the source paths, but not among the messages.
        index_of = {id(proto): index for index, proto in enumerate(protos)}
        for message in messages:
            own_path = (*path, index_of[id(message.proto)])
            yield self._message(message, own_path)
            yield from self._messages(message.nested_messages, message.proto.nested_type, (*own_path, _MESSAGE_NESTED))

    def _message(self, message: DescMessage, path: SourcePath) -> DeclaredMessage:
        options, options_path = message.proto.options, (*path, _MESSAGE_OPTIONS)
        return DeclaredMessage(
            file=self._desc.name,
            python=python_type(message),
            place=self._locations.place(path),
            docs=self._locations.docs(path),
            fields=tuple(
                self._field(field, (*path, _MESSAGE_FIELD, index)) for index, field in enumerate(message.fields)
            ),
            oneofs=tuple(oneof.name for oneof in message.oneofs),
            other_names=(
                *self._enum_names(message.nested_enums, (*path, _MESSAGE_ENUM)),
                *self._extension_names(message.nested_extensions, (*path, _MESSAGE_EXTENSION)),
            ),
            fact=self._options.fact(options, options_path),
            command=self._options.command(options, options_path),
            state=self._options.state(options, options_path),
            start=self._options.start(options, options_path),
            result=self._options.result(options, options_path),
            event_fact=self._options.event_fact(options, options_path),
        )

    def _enum_names(self, enums: Sequence[DescEnum], path: SourcePath) -> Iterator[DeclaredName]:
        for index, enum in enumerate(enums):
            own_path = (*path, index)
            yield DeclaredName(enum.name, "enum", self._locations.place(own_path))
            for number, value in enumerate(enum.values):
                place = self._locations.place((*own_path, _ENUM_VALUE, number))
                yield DeclaredName(value.name, "enum value", place)

    def _extension_names(self, extensions: Sequence[DescExtension], path: SourcePath) -> Iterator[DeclaredName]:
        for index, extension in enumerate(extensions):
            yield DeclaredName(extension.name, "extension", self._locations.place((*path, index)))

    def _field(self, field: DescField, path: SourcePath) -> DeclaredField:
        kind, type_name, shown_type, oneof = _field_type(field)
        return DeclaredField(
            name=field.name,
            place=self._locations.place(path),
            docs=self._locations.docs(path),
            kind=kind,
            type=type_name,
            number=field.number,
            map_key=field.value.key.name.lower() if isinstance(field.value, DescFieldValueMap) else None,
            shown_type=shown_type,
            is_repeated=isinstance(field.value, DescFieldValueList | DescFieldValueMap),
            oneof=oneof.name if oneof is not None else None,
            has_presence=int(field.presence) != FeatureSet.FieldPresence.IMPLICIT,
            is_required=int(field.presence) == FeatureSet.FieldPresence.LEGACY_REQUIRED,
            markers=self._options.markers(field.proto.options, (*path, _FIELD_OPTIONS)),
        )

    def _service(self, service: DescService, path: SourcePath) -> DeclaredService:
        return DeclaredService(
            name=service.name,
            place=self._locations.place(path),
            docs=self._locations.docs(path),
            rpcs=tuple(self._rpc(rpc, (*path, _SERVICE_METHOD, index)) for index, rpc in enumerate(service.methods)),
        )

    def _rpc(self, rpc: DescMethod, path: SourcePath) -> DeclaredRpc:
        return DeclaredRpc(
            name=rpc.name,
            place=self._locations.place(path),
            docs=self._locations.docs(path),
            request=rpc.input.type_name,
            response=rpc.output.type_name,
            is_streaming=rpc.method_kind != "unary",
            activity=self._options.activity(rpc.proto.options, (*path, _METHOD_OPTIONS)),
        )


def python_type(desc: DescMessage | DescEnum) -> PythonType:
    """Returns the class that Google's generated code has for a message or enum."""
    names = [desc.name]
    parent = desc.parent
    while parent is not None:
        names.append(parent.name)
        parent = parent.parent
    return PythonType(desc.type_name, module_of(desc.file.name), tuple(reversed(names)))


def enum_type(desc: DescEnum) -> EnumType:
    """Returns an enum as the model has it."""
    return EnumType(python_type(desc), tuple((value.name, value.number) for value in desc.values))


def enums_of(desc: DescFile) -> Iterator[DescEnum]:
    """Yields all enums of a file, nested ones included."""
    yield from desc.enums
    messages = list(desc.messages)
    while messages:
        message = messages.pop()
        yield from message.nested_enums
        messages.extend(message.nested_messages)


def _field_type(field: DescField) -> tuple[FieldKind, str, str, DescOneof | None]:
    """Returns kind and type of one value, the type as written, and the oneof that the field is in."""
    match field.value:
        case DescFieldValueScalar(scalar=scalar, oneof=oneof):
            kind, name = _element(scalar)
            return kind, name, name, oneof
        case DescFieldValueMessage(message=element, oneof=oneof) | DescFieldValueEnum(enum=element, oneof=oneof):
            kind, name = _element(element)
            return kind, name, _shown(element, field), oneof
        case DescFieldValueList(element=element):
            kind, name = _element(element)
            return kind, name, f"repeated {_shown(element, field)}", None
        case DescFieldValueMap(key=key, value=element):
            kind, name = _element(element)
            return kind, name, f"map<{key.name.lower()}, {_shown(element, field)}>", None
        case _:
            assert_never(field.value)


def _element(element: ScalarType | DescMessage | DescEnum) -> tuple[FieldKind, str]:
    match element:
        case DescMessage():
            return FieldKind.MESSAGE, element.type_name
        case DescEnum():
            return FieldKind.ENUM, element.type_name
        case ScalarType.STRING:
            kind = FieldKind.STRING
        case ScalarType.BYTES:
            kind = FieldKind.BYTES
        case ScalarType.BOOL:
            kind = FieldKind.BOOL
        case ScalarType.FLOAT | ScalarType.DOUBLE:
            kind = FieldKind.FLOAT
        case _:
            kind = FieldKind.INTEGER
    return kind, element.name.lower()


def _shown(element: ScalarType | DescMessage | DescEnum, field: DescField) -> str:
    """Returns a type as a developer writes it: short within the file, in full from elsewhere."""
    if isinstance(element, ScalarType):
        return element.name.lower()
    if element.file.name == field.parent.file.name:
        return ".".join(python_type(element).qualname)
    return element.type_name

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from aiokafka.protocol.types import Schema

class Response:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    SCHEMA: ClassVar[Schema]
    def to_object(self) -> dict[str, Any]: ...

class RequestStruct:
    API_KEY: ClassVar[int]
    API_VERSION: ClassVar[int]
    FLEXIBLE_VERSION: ClassVar[bool]
    RESPONSE_TYPE: ClassVar[type[Response]]
    SCHEMA: ClassVar[Schema]
    def __init__(self, *fields: object) -> None: ...

_T_co = TypeVar("_T_co", bound=RequestStruct, covariant=True)

class Request(Generic[_T_co]):
    API_KEY: ClassVar[int]
    def build(self, request_struct_class: type[_T_co]) -> _T_co: ...
    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> _T_co: ...

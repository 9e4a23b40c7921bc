from typing import TypeAlias

from aiokafka.protocol.abstract import AbstractType

class Int16(AbstractType[int]): ...
class Int32(AbstractType[int]): ...
class Boolean(AbstractType[bool]): ...
class TaggedFields(AbstractType[dict[int, bytes]]): ...

class CompactString:
    def __init__(self, encoding: str = ...) -> None: ...

class Schema:
    def __init__(self, *fields: tuple[str, Field]) -> None: ...

class CompactArray:
    def __init__(self, array_of_0: Field | tuple[str, Field], *array_of: tuple[str, Field]) -> None: ...

Field: TypeAlias = (
    type[AbstractType[int]]
    | type[AbstractType[bool]]
    | type[AbstractType[bytes]]
    | type[AbstractType[dict[int, bytes]]]
    | CompactString
    | CompactArray
    | Schema
)

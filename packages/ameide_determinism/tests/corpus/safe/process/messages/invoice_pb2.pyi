from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
import builtins as _builtins

class State(_message.Message):
    @_builtins.property
    def totals(self) -> _containers.ScalarMap[_builtins.str, _builtins.int]: ...
    @_builtins.property
    def lines(self) -> _containers.RepeatedScalarFieldContainer[_builtins.str]: ...
    @_builtins.property
    def inner(self) -> Inner: ...

class Inner(_message.Message):
    names: _containers.MessageMap[str, Inner]

class Start(_message.Message): ...

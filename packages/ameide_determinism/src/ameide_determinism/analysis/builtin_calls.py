"""Functions of Python itself that make, go through, or take from containers, and a few others with a result."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ameide_determinism.analysis.calls import run_callback
from ameide_determinism.analysis.engine import Engine
from ameide_determinism.analysis.frame import GLOBAL, Arguments, Frame
from ameide_determinism.analysis.iteration import elements, iterate, report_order
from ameide_determinism.analysis.texts import as_text
from ameide_determinism.analysis.workflow_api import long_sleep
from ameide_determinism.values import (
    MAPPINGS,
    UNKNOWN,
    Instance,
    Value,
    instance,
    join,
    of,
    tuple_of,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one of them."""

    name: str
    arguments: Arguments
    node: ast.AST
    order_free: bool

    def place(self, index: int) -> ast.AST:
        """Where a finding about an argument stands."""
        if isinstance(self.node, ast.Call) and index < len(self.node.args):
            return self.node.args[index]
        return self.node


def _through(engine: Engine, frame: Frame, call: Call, index: int = 0) -> Value:
    """Goes through an argument and sees its order."""
    place = call.place(index)
    value = call.arguments.at(index)
    if isinstance(place, ast.expr):
        return iterate(engine, frame, place, value, order_free=call.order_free)
    return elements(value)


def _set(engine: Engine, frame: Frame, call: Call) -> Value:
    place = call.place(0)
    value = call.arguments.at(0)
    held = iterate(engine, frame, place, value, order_free=True) if isinstance(place, ast.expr) else UNKNOWN
    return instance(call.name, held)


def _sequence(engine: Engine, frame: Frame, call: Call) -> Value:
    return instance(call.name, _through(engine, frame, call))


def _list_of(engine: Engine, frame: Frame, call: Call) -> Value:
    for index in range(1, len(call.arguments.positional)):
        _through(engine, frame, call, index)
    for value in (*call.arguments.positional[1:], *call.arguments.keywords.values()):
        for atom in value:
            _callback(engine, frame, call, atom)
    return instance("builtins.list", _through(engine, frame, call))


def _sorted(engine: Engine, frame: Frame, call: Call) -> Value:
    held = _unseen(engine, frame, call)
    for atom in call.arguments.keywords.get("key", UNKNOWN):
        _callback(engine, frame, call, atom, held)
    return instance("builtins.list", held)


def _callback(engine: Engine, frame: Frame, call: Call, atom: object, *given: Value) -> Value:
    return run_callback(engine, frame, atom, call.node, *given)


def _unseen(engine: Engine, frame: Frame, call: Call) -> Value:
    """Goes through an argument whose order nobody sees, but where equals keep it."""
    place = call.place(0)
    value = call.arguments.at(0)
    free = call.order_free or not isinstance(call.node, ast.Call)
    return iterate(engine, frame, place, value, order_free=free) if isinstance(place, ast.expr) else UNKNOWN


def _order_free(engine: Engine, frame: Frame, call: Call) -> Value:
    held = _unseen(engine, frame, call)
    for atom in call.arguments.keywords.get("key", UNKNOWN):
        _callback(engine, frame, call, atom, held)
    name = call.name.rpartition(".")[2]
    if name in ("min", "max"):
        return join(held if len(call.arguments.positional) == 1 else join(*call.arguments.positional))
    return instance("builtins.bool" if name in ("any", "all") else "builtins.int")


def _len(engine: Engine, frame: Frame, call: Call) -> Value:
    method = "__len__" if call.name.endswith("len") else "__bool__"
    engine.call_method(frame, call.arguments.at(0), method, Arguments(), call.node)
    return instance("builtins.int")


def _enumerate(engine: Engine, frame: Frame, call: Call) -> Value:
    held = _through(engine, frame, call)
    return instance("builtins.list", tuple_of((instance("builtins.int"), held)))


def _zip(engine: Engine, frame: Frame, call: Call) -> Value:
    held = tuple(_through(engine, frame, call, index) for index in range(len(call.arguments.positional)))
    spread = _spread(engine, frame, call)
    if call.arguments.open:
        return instance("builtins.list", instance("builtins.tuple", join(*held, spread)))
    return instance("builtins.list", tuple_of(held)) if held else instance("builtins.list")


def _map(engine: Engine, frame: Frame, call: Call) -> Value:
    held = tuple(_through(engine, frame, call, index) for index in range(1, len(call.arguments.positional)))
    given = held or (UNKNOWN,)
    made = [_callback(engine, frame, call, atom, *given) for atom in call.arguments.at(0)]
    if call.name.endswith(("filter", "filterfalse", "takewhile", "dropwhile")):
        return instance("builtins.list", join(*held))
    return instance("builtins.list", join(*made))


def _reduce(engine: Engine, frame: Frame, call: Call) -> Value:
    held = _through(engine, frame, call, 1)
    made = [_callback(engine, frame, call, atom, held, held) for atom in call.arguments.at(0)]
    return join(*made, held, call.arguments.at(2))


def _next(engine: Engine, frame: Frame, call: Call) -> Value:
    found: list[Value] = [call.arguments.at(1)]
    for atom in call.arguments.at(0):
        if isinstance(atom, Instance):
            if isinstance(atom.cls, str):
                found.append(atom.element)
            else:
                found.append(engine.call_method(frame, of(atom), "__next__", Arguments(), call.node))
    if call.arguments.origins[:1] == [GLOBAL]:
        engine.report(frame, "global-state", call.node, "next() on an iterator of a module:")
    return join(*found)


def _dict(engine: Engine, frame: Frame, call: Call) -> Value:
    keys: list[Value] = []
    values: list[Value] = list(call.arguments.keywords.values())
    for atom in call.arguments.at(0):
        if isinstance(atom, Instance) and atom.cls in MAPPINGS:
            keys.append(atom.key)
            values.append(atom.element)
            if atom.cls == "protobuf.map":
                report_order(engine, frame, call.place(0), of(atom))
            continue
        place = call.place(0)
        held = (
            iterate(engine, frame, place, of(atom), order_free=call.order_free)
            if isinstance(place, ast.expr)
            else UNKNOWN
        )
        for pair in held:
            if isinstance(pair, Instance) and pair.items is not None and len(pair.items) == 2:
                keys.append(pair.items[0])
                values.append(pair.items[1])
    cls = {"collections.OrderedDict": "collections.OrderedDict"}.get(call.name, "builtins.dict")
    return instance(cls, join(*values), join(*keys))


def _fromkeys(engine: Engine, frame: Frame, call: Call) -> Value:
    return instance("builtins.dict", call.arguments.at(1), _through(engine, frame, call))


def _defaultdict(engine: Engine, frame: Frame, call: Call) -> Value:
    made = engine.call(frame, call.arguments.at(0, "default_factory"), Arguments(), call.node)
    return instance("collections.defaultdict", made)


def _counter(engine: Engine, frame: Frame, call: Call) -> Value:
    return instance("collections.Counter", instance("builtins.int"), _unseen(engine, frame, call))


def _chain(engine: Engine, frame: Frame, call: Call) -> Value:
    held = [_through(engine, frame, call, index) for index in range(len(call.arguments.positional))]
    if call.name.endswith("from_iterable"):
        held = [_inner(engine, frame, call, call.place(0), one) for one in held]
    return instance("builtins.list", join(*held, _spread(engine, frame, call)))


def _inner(engine: Engine, frame: Frame, call: Call, place: ast.AST, value: Value) -> Value:
    """Goes through each of several containers and sees its order; sorting what holds them would mend nothing."""
    if not call.order_free:
        report_order(engine, frame, place, value, _GOING_THROUGH)
    return elements(value)


_GOING_THROUGH: Final = "going through what is held here, which has no order:"


def _spread(engine: Engine, frame: Frame, call: Call) -> Value:
    """Goes through the containers that `*` gives."""
    if not isinstance(call.node, ast.Call):
        return UNKNOWN
    place = next((one for one in call.node.args if isinstance(one, ast.Starred)), call.node)
    return _inner(engine, frame, call, place, call.arguments.spread)


def _text(engine: Engine, frame: Frame, call: Call) -> Value:
    place = call.place(0)
    if isinstance(place, ast.expr):
        as_text(engine, frame, place, call.arguments.at(0), by_repr=call.name == "builtins.repr")
    return instance("builtins.str")


def _count(_engine: Engine, _frame: Frame, _call: Call) -> Value:
    return instance("itertools.count", instance("builtins.int"))


def _gather(_engine: Engine, _frame: Frame, call: Call) -> Value:
    values = [*call.arguments.positional, call.arguments.spread]
    return instance("builtins.list", join(*values))


def _sleep(engine: Engine, frame: Frame, call: Call) -> Value:

    engine.report(frame, "query-changes-state", call.node, "asyncio.sleep()", condition="query")
    long_sleep(engine, frame, call.node, "asyncio.sleep()")
    return call.arguments.at(1)


HANDLERS: Final[dict[str, Callable[[Engine, Frame, Call], Value]]] = {
    "builtins.set": _set,
    "builtins.frozenset": _set,
    "builtins.list": _sequence,
    "builtins.tuple": _sequence,
    "collections.deque": _sequence,
    "builtins.bytes": _text,
    "builtins.sorted": _sorted,
    "heapq.nsmallest": _list_of,
    "heapq.nlargest": _list_of,
    "builtins.min": _order_free,
    "builtins.max": _order_free,
    "builtins.sum": _order_free,
    "builtins.any": _order_free,
    "builtins.all": _order_free,
    "builtins.len": _len,
    "builtins.bool": _len,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "itertools.zip_longest": _zip,
    "itertools.product": _zip,
    "builtins.map": _map,
    "builtins.filter": _map,
    "itertools.filterfalse": _map,
    "itertools.takewhile": _map,
    "itertools.dropwhile": _map,
    "functools.reduce": _reduce,
    "builtins.iter": _list_of,
    "builtins.aiter": _list_of,
    "builtins.reversed": _list_of,
    "builtins.next": _next,
    "builtins.anext": _next,
    "builtins.dict": _dict,
    "collections.OrderedDict": _dict,
    "builtins.dict.fromkeys": _fromkeys,
    "collections.OrderedDict.fromkeys": _fromkeys,
    "collections.defaultdict": _defaultdict,
    "collections.Counter": _counter,
    "itertools.chain": _chain,
    "itertools.chain.from_iterable": _chain,
    "itertools.cycle": _list_of,
    "itertools.islice": _list_of,
    "itertools.permutations": _list_of,
    "itertools.combinations": _list_of,
    "itertools.accumulate": _list_of,
    "itertools.batched": _list_of,
    "itertools.pairwise": _list_of,
    "itertools.tee": _list_of,
    "itertools.count": _count,
    "builtins.repr": _text,
    "builtins.str": _text,
    "builtins.format": _text,
    "asyncio.gather": _gather,
    "asyncio.sleep": _sleep,
}
"""By dotted name."""

"""One execution of a piece of code with given arguments, and the calls that lead from it to others."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ameide_determinism.findings import Edit
from ameide_determinism.values import UNKNOWN, Atom, Value, join

if TYPE_CHECKING:
    from ameide_determinism.project.definitions import ClassInfo, FunctionInfo
    from ameide_determinism.project.module import Module

GLOBAL = "global"
"""Origin of an object that other runs see too: it hangs on a module or a class."""

WORKFLOW = "workflow"
"""Origin of an object that belongs to the workflow instance."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """What a frame does that it must not.

    Attributes:
        condition: When it is one: always (empty), or only as part of a `query`, a `handler`, `run`, or in a `loop`.
    """

    rule: str
    node: ast.AST
    message: str
    condition: str = ""
    fix: tuple[Edit, ...] = ()


@dataclass(slots=True)
class Arguments:
    """The arguments of a call.

    Attributes:
        positional: Values in order, up to the first starred one.
        origins: Of the positional ones, see `Frame.origins`.
        open: Whether there are more than these: starred ones, or a callback whose arguments are not known.
        spread: What starred arguments hold.
    """

    positional: list[Value] = field(default_factory=list[Value])
    keywords: dict[str, Value] = field(default_factory=dict[str, Value])
    origins: list[str] = field(default_factory=list[str])
    keyword_origins: dict[str, str] = field(default_factory=dict[str, str])
    open: bool = False
    spread: Value = UNKNOWN

    @property
    def count(self) -> int:
        """How many there are at least."""
        return len(self.positional) + len(self.keywords)

    def at(self, index: int, name: str = "") -> Value:
        """The value of a parameter."""
        if index < len(self.positional):
            return self.positional[index]
        return self.keywords.get(name, self.spread)


UNSEEN = Arguments(open=True)
"""The arguments that a callback gets from code outside of the project."""


@dataclass(slots=True)
class Edge:
    """A frame leads to another: by a call, or by reading a constant whose value is made there."""

    line: int
    in_loop: bool


class Frame:
    """One function with given arguments, one module constant, or one class body.

    Attributes:
        title: For the chain: `OrderWorkflow.run`.
        env: Local variables.
        origins: Whose object a local variable is: empty, `GLOBAL` or `WORKFLOW`.
        quiet: How many conditions around hold only when nothing is replayed.
        reraising: How many handlers around end by raising what they caught.
        loops: How many loops of this frame are around.
        exits: Variables at each `break` and `continue` of the loops around.
    """

    def __init__(
        self,
        title: str,
        module: Module,
        line: int,
        *,
        info: FunctionInfo | None = None,
        owner: ClassInfo | None = None,
        closure: Frame | None = None,
        receiver: Atom | None = None,
    ) -> None:
        self.title = title
        self.module = module
        self.line = line
        self.info = info
        self.owner = owner
        self.closure = closure
        self.receiver = receiver
        self.env: dict[str, Value] = {}
        self.origins: dict[str, str] = {}
        self.globals: frozenset[str] = frozenset()
        self.nonlocals: frozenset[str] = frozenset()
        self.hazards: dict[tuple[str, int, int], Hazard] = {}
        self.edges: dict[Frame, Edge] = {}
        self.returns: Value = UNKNOWN
        self.yields: Value = UNKNOWN
        self.done = False
        self.quiet = 0
        self.loops = 0
        self.exits: list[list[dict[str, Value]]] = []
        self.reraising = 0

    def leads_to(self, other: Frame, node: ast.AST) -> None:
        """Notes that this frame executes another one."""
        in_loop = self.loops > 0
        edge = self.edges.get(other)
        if edge is None:
            self.edges[other] = Edge(getattr(node, "lineno", self.line), in_loop)
        elif in_loop:
            edge.in_loop = True

    def find(self, name: str) -> Frame | None:
        """The frame, this one or one around it, that has a variable."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.env:
                return frame
            frame = frame.closure
        return None

    def assign(self, name: str, value: Value, origin: str = "") -> None:
        """Binds a variable, here or where `nonlocal` says."""
        target = self
        if name in self.nonlocals and self.closure is not None:
            target = self.closure.find(name) or self
            value = join(target.env.get(name, UNKNOWN), value)
        target.env[name] = value
        if origin:
            target.origins[name] = origin
        else:
            target.origins.pop(name, None)


def merged(*branches: dict[str, Value]) -> dict[str, Value]:
    """The variables after one of several branches."""
    first, *others = branches
    result = dict(first)
    for branch in others:
        for name, value in branch.items():
            known = result.get(name)
            if known is None:
                result[name] = value
            elif known is not value and known != value:
                result[name] = join(known, value)
    return result

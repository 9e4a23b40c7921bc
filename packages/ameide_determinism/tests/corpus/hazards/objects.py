import asyncio, time, random, os, uuid
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Awaitable, Callable, Iterator, Self, overload, cast, ClassVar
import attrs
from pydantic import BaseModel, Field, computed_field, model_validator
from temporalio import workflow
from temporalio.worker import Interceptor, WorkflowInboundInterceptor

class Kind(Enum):
    A = "a"
    @property
    def label(self): return f"{self.value}-{time.time()}"  # expect: wall-clock
    @classmethod
    def pick(cls): return random.choice(list(cls))  # expect: randomness
class Model(BaseModel):
    created: datetime = Field(default_factory=datetime.utcnow)  # expect: wall-clock
    ids: set[str] = Field(default_factory=set)
    @computed_field
    @property
    def age(self) -> float: return time.time()  # expect: wall-clock
    @model_validator(mode="after")
    def check(self): return self
    def listed(self): return list(self.ids)  # expect: set-order
@attrs.define
class At:
    id: str = attrs.field(factory=lambda: uuid.uuid4().hex)  # expect: random-uuid
    seen: set[str] = attrs.field(factory=set)
class Strategy:
    def apply(self, x): raise NotImplementedError
class Fast(Strategy):
    def apply(self, x): return random.random()  # expect: randomness
STRATEGIES: dict[str, type[Strategy]] = {"fast": Fast}
def build(name) -> Strategy: return STRATEGIES[name]()
class Builder:
    def __init__(self): self._x = []
    def add(self, x) -> "Builder":
        self._x.append(x); return self
    def build(self): return [random.random() for _ in self._x]  # expect: randomness
class Event:
    def __init__(self): self._subs: list[Callable] = []
    def subscribe(self, f): self._subs.append(f)
    def fire(self, *a):
        for s in self._subs: s(*a)
class Machine:
    def __init__(self, wf): self.wf = wf; self.transitions = {"a": self.to_b, "b": self.to_a}
    async def step(self, s): return await self.transitions[s]()
    async def to_a(self): return time.time()  # expect: wall-clock
    async def to_b(self): self.wf.bump()
class Singleton:
    instance: "Singleton | None" = None
    @classmethod
    def get(cls):
        if not cls.instance: cls.instance = cls()  # expect: global-state
        return cls.instance
def trace(fn):
    async def inner(self, *a):
        start = time.perf_counter()  # expect: wall-clock
        try: return await fn(self, *a)
        finally: print(time.perf_counter() - start)  # expect: print, wall-clock
    return inner
def with_ctx():
    @contextmanager
    def cm():
        yield random.random()  # expect: randomness
    return cm()
def compose(*fs):
    def run(x):
        for f in fs: x = f(x)
        return x
    return run
def plus(x): return x + random.random()  # expect: randomness
def gen():
    x = yield 1
    yield from (uuid.uuid4() for _ in "ab")  # expect: random-uuid
async def agen():
    for i in range(3):
        yield i
        await asyncio.sleep(random.random())  # expect: randomness
def outer_var():
    total = 0
    def inc():
        nonlocal total
        total += time.time()  # expect: wall-clock
    inc(); return total
class Sub(workflow_base := object): pass
class Num(int):
    def __add__(self, o): return random.random()  # expect: randomness
class Iter:
    def __init__(self): self.n = 0
    def __iter__(self): return self
    def __next__(self):
        self.n += random.random(); return self.n  # expect: randomness
class AIter:
    def __aiter__(self): return self
    async def __anext__(self): return time.time()  # expect: wall-clock
class Await:
    def __await__(self): yield time.time()  # expect: wall-clock
class Slot:
    __slots__ = ("x",)
    def __init__(self): self.x = {1, 2}
class Prop:
    def __init__(self): self._v = set()
    @property
    def v(self): return self._v
    @v.setter
    def v(self, x): self._v = {*x, str(uuid.uuid4())}  # expect: random-uuid
class Base2:
    def template(self): return self.hook()
    def hook(self): return 1
class Derived2(Base2):
    def hook(self): return os.urandom(1)  # expect: randomness
def accepts(b: Base2): return b.template()
@workflow.defn
class W:
    kinds: ClassVar[dict[str, Kind]] = {}
    @workflow.init
    def __init__(self, *args: Any) -> None:
        self.ev = Event(); self.ev.subscribe(self.on_event); self.ev.subscribe(plus)
        self.m = Machine(self); self.n = 0; self.prop = Prop()
        self.lookup = {k: v for k, v in [("x", self.looked)]}
        self.deferred: list[Awaitable] = []
    @workflow.run
    async def run(self, *args: Any) -> Any:
        Kind.A.label
        Kind.pick()
        m = Model(); m.age; m.listed()
        At()
        [x for x in At().seen]  # expect: set-order
        build("fast").apply(1)
        Builder().add(1).add(2).build()
        self.ev.fire(1)
        await self.m.step("a")
        Singleton.get()
        await self.traced()
        with with_ctx() as c: c
        compose(plus, plus)(1)
        list(gen())
        async for x in agen(): x
        outer_var()
        Num(1) + 2
        for x in Iter(): break
        async for x in AIter(): break
        await Await()
        list(Slot().x)  # expect: set-order
        list(self.prop.v); self.prop.v = ["a"]  # expect: set-order
        accepts(Derived2())
        async with AsyncExitStack() as stack: stack.push_async_callback(self.cleanup); stack.callback(plus, 1)
        self.lookup["x"]()
        for name, fn in self.lookup.items(): fn()
        fns = [self.f1, self.f2]; fns[0]()
        t = (self.f3, 1); t[0]()
        f = self.f4 if args else None
        if f: f()
        cast(Callable, self.f5)()
        g = getattr(self, "f6"); g()
        coro = self.f7(); await coro
        await asyncio.wait_for(self.f8(), 1)
        await asyncio.shield(self.f9())
        await asyncio.gather(self.f10(), return_exceptions=True)
        task = asyncio.ensure_future(self.f11())
        x = [self.f12][0]
        x()
        d = dict(a=self.f13); d["a"]()
        d2 = {}; d2["k"] = self.f14; d2["k"]()
        (lambda cb: cb())(self.f15)
        def local(cb=self.f16): cb()
        local()
        class LocalClass:
            def go(self): return time.time()  # expect: wall-clock
        LocalClass().go()
        match args:
            case [a, *rest] if time.time() > 1: pass  # expect: wall-clock
            case _: pass
        try: pass
        finally: os.getcwd()  # expect: process-identity
        return {"a": time.time(), **{"b": random.random()}}  # expect: randomness, wall-clock
    @trace
    async def traced(self): pass
    def on_event(self, x): time.time()  # expect: wall-clock
    def bump(self): self.n = random.random()  # expect: randomness
    def looked(self): time.time()  # expect: wall-clock
    def cleanup(self): time.time()  # expect: wall-clock
    def f1(self): time.time()  # expect: wall-clock
    def f2(self): pass
    def f3(self): time.time()  # expect: wall-clock
    def f4(self): time.time()  # expect: wall-clock
    def f5(self): time.time()  # expect: wall-clock
    def f6(self): time.time()  # expect: wall-clock
    async def f7(self): time.time()  # expect: wall-clock
    async def f8(self): time.time()  # expect: wall-clock
    async def f9(self): time.time()  # expect: wall-clock
    async def f10(self): time.time()  # expect: wall-clock
    async def f11(self): time.time()  # expect: wall-clock
    def f12(self): time.time()  # expect: wall-clock
    def f13(self): time.time()  # expect: wall-clock
    def f14(self): time.time()  # expect: wall-clock
    def f15(self): time.time()  # expect: wall-clock
    def f16(self): time.time()  # expect: wall-clock
class MyInbound(WorkflowInboundInterceptor):
    async def execute_workflow(self, input):
        time.time()
        return await super().execute_workflow(input)

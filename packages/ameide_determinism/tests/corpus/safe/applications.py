from __future__ import annotations
import asyncio, abc, contextvars, copy, enum, heapq, json, logging, re, string, sys, types, typing, uuid, random, time, os, hashlib, inspect, warnings, itertools, functools, operator, pathlib, bisect, textwrap
from collections import deque, ChainMap, namedtuple
from collections.abc import Iterable, Mapping, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, asdict, fields
from datetime import datetime, timedelta, timezone, date, time as dtime
from typing import Any, Generic, TypeVar, Protocol, Literal, ClassVar, NamedTuple
from zoneinfo import ZoneInfo
import pydantic
from pydantic import BaseModel, Field, field_validator
import httpx
from temporalio import workflow, activity
from temporalio.common import RetryPolicy, SearchAttributeKey, TypedSearchAttributes
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, ChildWorkflowError, is_cancelled_exception
from temporalio.workflow import ParentClosePolicy, ActivityConfig

CV: contextvars.ContextVar[str] = contextvars.ContextVar("x")
HTTP_TIMEOUT = httpx.Timeout(10)
VALID = {"a": 1}
STATES = frozenset(["a", "b"])
P = namedtuple("P", "x y")
KEY = SearchAttributeKey.for_keyword("k")
BASE = pathlib.PurePosixPath("/x")
RETRY = RetryPolicy(non_retryable_error_types=["X"])
ACT = ActivityConfig(start_to_close_timeout=timedelta(seconds=1))
Handler = Callable[[str], None]
T = TypeVar("T")
_log = logging.getLogger(__name__)

class M(BaseModel):
    id: uuid.UUID
    tags: list[str] = Field(default_factory=list)
    at: datetime | None = None
    created: datetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    @field_validator("tags")
    @classmethod
    def v(cls, x): return sorted(set(x))

class Mode(enum.Enum):
    A = "a"
    B = "b"
    @classmethod
    def names(cls): return [m.value for m in cls]
    def __str__(self): return self.value

class Err(ApplicationError):
    def __init__(self, m): super().__init__(m, type="Err")

@dataclass
class S:
    d: dict[str, int] = field(default_factory=dict)
    q: deque[str] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    started: datetime | None = None
    def touch(self, now: datetime): self.started = now
    def __hash__(self): return hash((self.started, 1))
    def add(self, x):
        if x in self.seen: return False
        self.seen.add(x); return True
    def as_list(self): return sorted(self.seen)

class Stack(Generic[T]):
    def __init__(self): self._items: list[T] = []
    def push(self, x: T): self._items.append(x)
    def pop(self) -> T: return self._items.pop()
    def __iter__(self): return iter(self._items)
    def __len__(self): return len(self._items)
    def __contains__(self, x): return x in self._items
    def __getitem__(self, i): return self._items[i]

class Saga:
    def __init__(self): self._undo: list[Callable] = []
    def on_fail(self, f): self._undo.append(f)
    async def compensate(self):
        for f in reversed(self._undo): await f()

@activity.defn
async def act(x: M) -> str:
    async with httpx.AsyncClient() as c: await c.get("x")
    _log.info("x")
    return str(time.time())

class Acts:
    def __init__(self, db): self.db = db
    @activity.defn
    def a(self, x): return random.random()
    @activity.defn(name="b")
    async def b(self): return os.environ["X"]

@workflow.defn
class Child:
    @workflow.run
    async def run(self, x: str) -> str: return x

@workflow.defn(name="S1", failure_exception_types=[ApplicationError])
class W:
    names: ClassVar[tuple[str, ...]] = ("a",)
    limits = {"a": 1}
    def __init__(self) -> None:
        self._s = S()
        self._stack: Stack[str] = Stack()
        self._exit = False
        self._cond = asyncio.Condition()
        self._sem = asyncio.Semaphore(2)
        self._results: dict[str, asyncio.Future[str]] = {}
        self._pending: asyncio.Queue[str] = asyncio.Queue()
        self._m = {}
    @workflow.run
    async def run(self, m: M, names: list[str] | None = None, *, extra: Mapping[str, int] | None = None) -> Any:
        info = workflow.info()
        workflow.logger.info(f"start {info.workflow_id} {m!r}", extra={"x": 1})
        self._s.touch(workflow.now())
        wid = f"{info.workflow_id}-{workflow.uuid4()}"
        rng = workflow.random()
        jitter = rng.uniform(0, 1)
        names = names or list(VALID)
        await workflow.sleep(timedelta(seconds=jitter))
        saga = Saga()
        try:
            r = await workflow.execute_activity(act, m, **ACT)
            saga.on_fail(lambda: workflow.execute_activity(act, m, **ACT))
            r2 = await workflow.execute_activity_method(Acts.a, m, start_to_close_timeout=timedelta(seconds=1))
            h = await workflow.start_child_workflow(Child.run, "x", id=wid, parent_close_policy=ParentClosePolicy.ABANDON)
            await h
        except ActivityError as e:
            if is_cancelled_exception(e): raise
            await saga.compensate()
            raise Err(str(e)) from e
        except (ChildWorkflowError, ValueError):
            pass
        try:
            await asyncio.wait_for(workflow.wait_condition(lambda: self._exit), timeout=10)
        except asyncio.TimeoutError:
            pass
        try:
            await workflow.wait_condition(lambda: len(self._s.seen) >= 3, timeout=timedelta(days=1))
        except TimeoutError:
            workflow.logger.warning("t")
        tasks = [asyncio.create_task(workflow.execute_activity(act, m, **ACT)) for _ in range(3)]
        for t in tasks: await t
        try:
            done, _ = await workflow.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for d in done: d.result()
        finally:
            for t in tasks: t.cancel()
        async for _ in self.agen(): pass
        for k, v in self._s.d.items(): await self.step(k, v)
        for k in list(self._s.d): del self._s.d[k]
        for k, v in sorted(self._s.d.items(), key=lambda kv: kv[1]): pass
        for s in self._stack: await self.step(s)
        while self._s.q:
            x = self._s.q.popleft()
            if not self._s.add(x): continue
            await self.step(x)
        if "x" in self._s.seen or self._s.seen >= {"a"} or not self._s.seen: pass
        if self._s.seen.issuperset(names): pass
        missing = STATES - self._s.seen
        if missing: raise Err(f"missing {sorted(missing)}")
        new = set(names) - self._s.seen
        self._s.seen |= new
        self._s.seen.update(names)
        count = sum(1 for x in self._s.seen if x)
        total = sum(len(x) for x in self._s.seen)
        biggest = max(self._s.seen, default="")
        anyx = any(x == "a" for x in self._s.seen)
        lengths = {len(x) for x in self._s.seen}
        by_len = {k: v for k, v in sorted((len(x), x) for x in self._s.seen)}
        ordered = sorted([x.upper() for x in self._s.seen | {"b"}], reverse=True)
        lst = [*sorted(self._s.seen)]
        js = json.dumps({"a": sorted(self._s.seen)}, sort_keys=True)
        heap = []
        heapq.heappush(heap, 1)
        digest = hashlib.md5(js.encode()).hexdigest()
        uid = uuid.uuid5(uuid.NAMESPACE_URL, wid)
        uuid.UUID(int=rng.getrandbits(128), version=4)
        local_rng = random.Random(info.workflow_id)
        local_rng.shuffle(names)
        dt = datetime.fromtimestamp(workflow.time(), tz=ZoneInfo("UTC"))
        dt2 = datetime.now if False else None
        d = date(2024, 1, 1); d2 = dt.date(); d3 = date.fromisoformat("2024-01-01"); dtime(3)
        dt.astimezone(timezone.utc).strftime("%Y"); dt.replace(tzinfo=None); dt.timestamp()
        time.gmtime(3); time.strftime("%Y", time.gmtime(3)); time.struct_time
        os.path.join("a", "b"); os.sep; os.linesep; os.path.splitext("x")[1]
        sys.maxsize; sys.exc_info(); sys.intern("x")
        p = pathlib.Path("/x") / "y"; p.name; p.suffix; str(p); p.parent / "z"; p.as_posix(); p.with_name("q")
        CV.set("x"); CV.get()
        cp = copy.deepcopy(self._s); cp.seen.add("x")
        getattr(m, "id"); getattr(m, "tags", []); hasattr(m, "at"); setattr(cp, "started", None)
        for f in fields(cp): f.name
        asdict(cp)
        isinstance(m, M); type(m).__name__; type(e_ := ValueError("x")).__name__
        inspect.iscoroutinefunction(act)
        match m.tags:
            case ["a", *rest]: rest
            case []: pass
        mode = Mode("a"); f"{mode} {mode.value} {Mode.A!r}"; Mode.names(); Mode["A"]
        pt = P(1, 2); pt.x; f"{pt}"
        async with self._cond: self._cond.notify_all()
        async with self._sem: pass
        loop = asyncio.get_running_loop(); loop.time(); fut = loop.create_future(); fut.set_result("x"); loop.call_later(1, fut.cancel)
        self._results["x"] = fut
        await asyncio.shield(fut); await asyncio.sleep(0); asyncio.current_task()
        async with asyncio.timeout(1): await self._pending.put("x")
        if not workflow.unsafe.is_replaying():
            _log.info("x"); print("y")
        if not workflow.unsafe.is_replaying() and m: _log.debug("x")
        with workflow.unsafe.sandbox_unrestricted(): pass
        with workflow.unsafe.imports_passed_through(): import json as j2
        workflow.upsert_search_attributes([KEY.value_set("x")]); workflow.upsert_memo({"x": 1}); workflow.set_current_details("x")
        workflow.metric_meter().create_counter("x").add(1)
        workflow.get_external_workflow_handle("x"); await workflow.get_external_workflow_handle("x").signal("y"); 
        if workflow.patched("p1"): await self.step("x")
        workflow.deprecate_patch("p0")
        if info.is_continue_as_new_suggested(): workflow.continue_as_new(args=[m, names])
        warnings.catch_warnings
        cache = {}
        cache.setdefault("x", []).append(1)
        stack = Stack(); stack.push("x"); stack.pop()
        M(id=workflow.uuid4(), created=workflow.now())
        types.SimpleNamespace(a=1); 
        str(self._s.d); f"{self._s.d}"; repr(names); f"{info}"; str(m); "%s" % m.id; "{}".format(names)
        sorted(set(itertools.chain(names, names))); list(dict.fromkeys(names)); functools.reduce(operator.or_, [set()], set())
        next(iter(self._s.d)); next((x for x in names if x), None); iter(names)
        a, b = (1, 2); (c,) = self._s.seen or ("x",)
        x = {1, 2} & {2}; len(x); bool(x); x == {2}; 3 in x
        hash(3); 
        print_ = print
        textwrap.dedent("x"); re.sub("x", "y", "z"); string.Template("x").substitute()
        [k for k in {"a": 1}]; {v: k for k, v in VALID.items()}; zip(VALID, names); enumerate(VALID.values())
        return M(id=uid, created=workflow.now())
    async def step(self, k, v=None):
        workflow.logger.debug("x")
    async def agen(self):
        for i in range(3): yield i
    @workflow.signal
    async def exit(self) -> None: self._exit = True
    @workflow.signal(name="n")
    def n(self, x: str) -> None: self._s.q.append(x); self._m[x] = 1
    @workflow.query
    def status(self) -> dict: 
        out = dict(self._s.d); out["x"] = 1
        res = []
        for s in sorted(self._s.seen): res.append(s)
        st = Stack(); st.push("x")
        copy_ = S(); copy_.d["x"] = 1
        lst = list(self._s.q); lst.append("x"); lst.sort()
        return out
    @workflow.query
    def now_q(self): return workflow.now()
    @workflow.update
    async def up(self, x: str) -> str:
        await workflow.wait_condition(lambda: self._exit)
        async with self._cond: self._s.seen.add(x)
        return x
    @up.validator
    def up_v(self, x: str) -> None:
        if not x or x in self._s.seen: raise ValueError(f"bad {x}")
        workflow.logger.info("x")

async def main():
    from temporalio.client import Client
    c = await Client.connect("x")
    print(c, time.time())
    await c.execute_workflow(W.run, M(id=uuid.uuid4()), id=str(uuid.uuid4()), task_queue="q")
if __name__ == "__main__": asyncio.run(main())

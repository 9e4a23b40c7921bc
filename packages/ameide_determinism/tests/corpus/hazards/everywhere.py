import asyncio, time, os, random, uuid, logging, datetime
import typing as t
from datetime import datetime as DT, timezone
from temporalio import workflow
from temporalio.workflow import defn, run as wf_run, signal
import temporalio.workflow as wf
from dataclasses import dataclass, field
import structlog
from loguru import logger as lg

log = structlog.get_logger()
_START = DT.now(timezone.utc)  # expect: wall-clock
DEFAULTS = {"region": os.environ.get("R", "x")}  # expect: environment
def _load(): return os.getenv("X")  # expect: environment
SETTING = _load()
class Settings:
    region = os.environ["R"]  # expect: environment
    def __init__(self): self.mode = os.getenv("MODE")  # expect: environment
settings = Settings()
RNG = random.Random()  # expect: randomness
EVENTS = set()
ITEMS = {"a","b"}
cache = {}
class Meta(type):
    def __call__(cls, *a):
        time.time()  # expect: wall-clock
        return super().__call__(*a)
class M(metaclass=Meta): pass
class Ctx:
    def __enter__(self): self.t = time.monotonic(); return self  # expect: wall-clock
    def __exit__(self,*a): self.d = time.monotonic()  # expect: wall-clock
@dataclass
class Ev:
    at: datetime.datetime = field(default_factory=datetime.datetime.now)  # expect: wall-clock
    id: str = field(default_factory=lambda: str(uuid.uuid4()))  # expect: random-uuid
    n: float = time.time()  # expect: wall-clock
@dataclass(order=True)
class Node:
    v: int
    def __hash__(self): return hash(self.v)
class Lazy:
    @property
    def value(self):
        if not hasattr(self, "_v"): self._v = time.time()  # expect: wall-clock
        return self._v
@defn
class A:
    def __init__(self):
        self.state = {}
        self.s: t.Set[str] = set()
        self.lazy = Lazy()
        self._tasks = set()
    @wf_run
    async def go(self, n: int = 0):
        _START
        DEFAULTS["region"]
        SETTING
        settings.region
        settings.mode
        RNG.random()  # expect: randomness
        M()
        with Ctx(): pass
        Ev()
        Ev(at=wf.now(), id="x")
        self.lazy.value
        log.info("x")  # expect: logging
        log.bind(a=1).warning("y")  # expect: logging
        lg.info("x")  # expect: logging
        EVENTS.add("x")  # expect: global-state
        cache.setdefault("a", []).append(1)  # expect: global-state
        cache["a"] = cache.get("a", 0) + 1  # expect: global-state
        for x in ITEMS: await wf.sleep(1)  # expect: set-order
        for i, x in enumerate(sorted(ITEMS)): pass
        await asyncio.gather(*[self.h(x) for x in self.s])  # expect: set-order
        await asyncio.gather(*{self.h(1), self.h(2)})  # expect: set-order
        for t_ in self._tasks: await t_  # expect: set-order
        results = [x for x in (await asyncio.gather(self.h(1)))]
        d = {k: self.state[k] for k in self.s}  # expect: set-order
        print(f"{self.s}")  # expect: print, set-order
        os.environ["A"] = "b"  # expect: environment, global-state
        os.environ.update(a="b")  # expect: environment
        asyncio.get_event_loop().run_in_executor(None, time.sleep, 1)  # expect: blocking-sleep, threads
        datetime.datetime.now().isoformat()  # expect: wall-clock
        wf.now().timestamp()
        time.strftime("%Y", time.localtime())  # expect: local-time-zone
        str(uuid.uuid4())  # expect: random-uuid
        x = uuid.uuid4().hex  # expect: random-uuid
        int(time.time() * 1000)  # expect: wall-clock
        "a" if random.random() < .5 else "b"  # expect: randomness
        random.choice(list(self.s))  # expect: randomness, set-order
        random.Random(time.time())  # expect: wall-clock
        await asyncio.wait([asyncio.create_task(self.h(1))], timeout=3)  # expect: asyncio-wait
        await asyncio.wait_for(asyncio.to_thread(self.h), 3)  # expect: threads
        logging.info("x")  # expect: logging
        logging.getLogger().log(1, "x")  # expect: logging
        time.sleep(1)  # expect: blocking-sleep
        with open("f") as f: f.read()  # expect: file-io
        for p in os.scandir("."): p  # expect: directory-order
        hash(self)  # expect: hash-value
        hash(n)
        hash(str(n))  # expect: hash-value
        sum(hash(s) for s in ["a"])  # expect: hash-value
        sorted(self.s, key=lambda s: hash(s))  # expect: hash-value, set-order
        [id(s) for s in []]  # expect: object-identity
        f"{object()}"  # expect: default-repr
        f"{self}"  # expect: default-repr
        repr(self)  # expect: default-repr
        repr(lambda: 1)  # expect: default-repr
        __import__("os").getpid()  # expect: dynamic-import
        import importlib; importlib.import_module("json")  # expect: dynamic-import
        globals()["x"] = 1  # expect: global-state
        setattr(wf, "x", 1)  # expect: global-state
        getattr(random, "random")()  # expect: randomness
        getattr(self, "h" + str(n))  # expect: computed-attribute
        exec(compile("1", "", "exec"))  # expect: dynamic-code
        self.__class__.counter = 1  # expect: global-state
        A.counter = 2  # expect: global-state
        try:
            await self.h(1)
        except (asyncio.CancelledError, Exception):  # expect: swallowed-cancellation
            pass
        try:
            await self.h(1)
        except BaseException:
            if n: raise
    async def h(self, x=None): return x
    @signal(name="z")
    async def sig(self): wf.continue_as_new()  # expect: continue-as-new-in-handler
    @wf.query
    def q(self): self.s.add("x"); return len(self.s)  # expect: query-changes-state
    @wf.query(name="q2")
    def q2(self): return self.s.pop()  # expect: query-changes-state, set-order
    @wf.update
    async def u(self, x): await wf.wait_condition(lambda: time.time() > 1)  # expect: wall-clock
    @u.validator
    def uv(self, x): self.state["x"] = x  # expect: query-changes-state
    @wf.signal(dynamic=True)
    async def dyn(self, name: str, args: t.Sequence[t.Any]): random.random()  # expect: randomness

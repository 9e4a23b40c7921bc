import asyncio, copy, dataclasses, logging, os, random as _random, time as _time, uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Iterable, Sequence, Mapping
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

TAGS = ["a"]
CONST = {"a": [1], "b": {}}
MATRIX = [[1], [2]]
LIMITS: Mapping[str, int] = {"x": 1}
@dataclass
class Cfg:
    names: list[str] = field(default_factory=list)
    opts: frozenset[str] = frozenset()
CFG = Cfg()
URL = os.getenv("URL", "x")
BUCKET = os.environ.get("BUCKET")
_logger = logging.getLogger(__name__)
class Local:
    items: tuple = ()
    count: int = 0
    def bump(self): self.count += 1; return self
    def __enter__(self): return self
    def __exit__(self, *a): return None
class Err(Exception):
    def __init__(self, ids: set[str]): self.ids = sorted(ids); super().__init__(f"bad {self.ids}")
def uniq(xs: Iterable[str]) -> list[str]:
    seen: set[str] = set(); out = []
    for x in xs:
        if x not in seen: seen.add(x); out.append(x)
    return out
def as_list(v):
    if isinstance(v, (set, frozenset)): return sorted(v)
    return list(v)
def narrowing(v: set[str] | list[str]):
    if isinstance(v, set):
        v = sorted(v)
    for x in v: pass
def narrowing2(v: set[str] | list[str]):
    if not isinstance(v, list): return sorted(v)
    return [x for x in v]
def diff(a: set[str], b: set[str]) -> list[str]:
    return sorted(a - b)
def count_common(a: set[str], b: set[str]) -> int: return len(a & b)
def total(xs): return sum(x for x in set(xs))
def has(xs, y): return y in set(xs)
@activity.defn
def upload(x): 
    _logger.info("x"); return f"{URL}/{BUCKET}/{_time.time()}/{_random.random()}"
def only_for_activity(): return _time.time()
@activity.defn
def stamp(): return only_for_activity()
@workflow.defn
class W:
    version: int = 1
    allowed: frozenset[str] = frozenset({"a"})
    def __init__(self):
        self.items: list[str] = []; self.seen: set[str] = set(); self.d: dict[str, int] = {}; self.local = Local(); self.cond = False
    @workflow.run
    async def run(self, name: str, xs: list[str]):
        random = workflow.random(); random.choice(xs); random.shuffle(xs)
        time = workflow.time(); uuid = workflow.uuid4(); now = workflow.now(); datetime = now
        now.astimezone(timezone.utc); datetime.replace(tzinfo=None)
        x = TAGS[:]; x.append("b")
        y = list(TAGS); y.append("b")
        z = TAGS + ["b"]; z.append("c")
        w = {**CONST}; w["z"] = 1
        c = dict(CONST); c["a"] = 1
        cc = CONST.copy(); cc["q"] = 1
        dc = copy.deepcopy(CONST); dc["a"].append(2)
        m = [row[:] for row in MATRIX]; m[0].append(1)
        cfg = dataclasses.replace(CFG, names=["a"]); cfg.names.append("x")
        lim = LIMITS.get("x", 0); lim += 1
        t = [*TAGS]; t.sort()
        st = sorted(TAGS); st.append("x")
        n = len(CONST["a"]); n += 1
        s = "".join(TAGS); s += "x"
        uniq(xs); as_list({"a"}); narrowing({"a"}); narrowing2({"a"}); diff({"a"}, set()); count_common({"a"}, {"b"}); total(xs); has(xs, "a")
        if name in self.allowed: pass
        if self.seen & {"a"}: pass
        if self.seen | set(xs) == {"a"}: pass
        both = sorted(self.seen & set(xs)); one = sorted(self.seen)[0]
        if not (self.seen - self.allowed): raise Err(self.seen)
        for k in sorted(self.d.keys() & {"a"}): pass
        for k in sorted({*xs, *TAGS}): await asyncio.sleep(0)
        for i, v in enumerate(sorted(set(xs))): pass
        for a, b in zip(sorted(self.seen), xs): pass
        lookup = {v: i for i, v in enumerate(xs)}
        groups: dict[str, set[str]] = {}
        for v in xs: groups.setdefault(v[0], set()).add(v)
        for g in sorted(groups): await self.step(sorted(groups[g]))
        for g, members in groups.items(): await self.step(len(members))
        out = {g: sorted(ms) for g, ms in groups.items()}
        counts = {g: len(ms) for g, ms in groups.items()}
        mx = max((len(ms) for ms in groups.values()), default=0)
        flat = sorted(v for ms in groups.values() for v in ms)
        flat2 = {v for ms in groups.values() for v in ms}
        anyv = any(v in ms for ms in groups.values() for v in xs)
        names = list({v: None for v in xs}); 
        tasks = [asyncio.create_task(self.step(v)) for v in xs]
        for r in await asyncio.gather(*tasks): pass
        pending = list(tasks)
        while pending:
            done, pending = await workflow.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for d in done: await d
        try: await self.step(1)
        except asyncio.CancelledError:
            if self.cond: await asyncio.shield(self.step(2)); raise
            else: raise
        try: await self.step(1)
        except Exception as e: workflow.logger.error(f"x {e}", exc_info=True)
        try: await self.step(1)
        except asyncio.CancelledError as e: raise workflow.ContinueAsNewError() from e
        patched = workflow.patched("a")
        for v in xs:
            if patched: pass
        with self.local as l: l.bump()
        with Local() as l2: l2.count = 3
        def inc():
            nonlocal n; n += 1
        inc()
        fut: asyncio.Future[str] = asyncio.Future(); fut.set_result("x")
        f = getattr(self, "step"); await f(1)
        getattr(self.local, "count", 0)
        isinstance(name, str); hasattr(self, "x"); callable(f); type(self).__name__; self.__class__.__name__
        await workflow.execute_activity(upload, "x", start_to_close_timeout=timedelta(seconds=1))
        await workflow.execute_activity("upload", args=[sorted(self.seen)], start_to_close_timeout=timedelta(seconds=1))
        await workflow.start_activity(stamp, start_to_close_timeout=timedelta(seconds=1))
        handle = workflow.get_external_workflow_handle("x"); await handle.signal(W.sig, "x")
        await workflow.wait_condition(lambda: bool(self.seen) and workflow.all_handlers_finished())
        return out
    async def step(self, x): return x
    @workflow.signal
    async def sig(self, x: str): self.seen.add(x); self.items.append(x); self.local.count += 1
    @workflow.query
    def q(self):
        i = self.items[:]; i.append("x")
        i2 = [*self.items]; i2.append("x")
        d = dict(self.d); d["x"] = 1
        n = len(self.items); n += 1
        local = Local(); local.bump(); local.count = 5
        snap = copy.deepcopy(self.local); snap.count = 1
        lst = sorted(self.seen); lst.reverse()
        return {"i": i, "seen": sorted(self.seen), "now": str(workflow.now()), "n": n}
async def main():
    c = await Client.connect(URL)
    async with Worker(c, task_queue="q", workflows=[W], activities=[upload]): 
        print(await c.execute_workflow(W.run, id=f"x-{uuid.uuid4()}", task_queue="q"), BUCKET)
if __name__ == "__main__":
    asyncio.run(main())

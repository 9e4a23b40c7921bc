import asyncio, time, random, os
from temporalio import workflow
try:
    import orjson as json
except ImportError:
    import json
if os.name == "nt":  # expect: interpreter
    SEP = ";"
else:
    SEP = ":"
VERSION = (lambda: os.environ.get("V"))()  # expect: environment
NAMES = [n for n in {"a", "b"}]  # expect: set-order
ORDER = list({"x", "y"})  # expect: set-order
INDEX = {k: i for i, k in enumerate(frozenset("abc"))}  # expect: set-order
JOINED = ",".join({"a", "b"})  # expect: set-order
RAND = [random.random() for _ in range(3)]  # expect: randomness
class Consts:
    NAMES = list({"a", "b"})  # expect: set-order
    START = time.time()  # expect: wall-clock
class Registry(dict): pass
class Tags(set[str]): pass
REG = Registry()
counter = 0
def bump():
    global counter
    counter += 1  # expect: global-state
    return counter
async def helper_default(now=time.time, when=time.time()):  # expect: wall-clock
    return now() + when  # expect: wall-clock
def kwonly(*, key=random.random): return key()  # expect: randomness
class P:
    @staticmethod
    def s(): return time.time()  # expect: wall-clock
    @property
    def p(self): return P.s()
class Q(P):
    @property
    def p(self): return super().p + 1
@workflow.defn
class W:
    @workflow.run
    async def run(self):
        SEP; VERSION; NAMES; INDEX; JOINED; RAND
        for o in ORDER: await workflow.sleep(1)
        Consts.NAMES; Consts.START
        REG["a"] = 1  # expect: global-state
        REG.update(a=1)  # expect: global-state
        list(Tags("ab"))  # expect: set-order
        sorted(Tags("ab")), len(Tags("ab"))
        for tag in Tags("ab"): pass  # expect: set-order
        bump()
        await helper_default()
        kwonly()
        Q().p
        a = b = time.time
        b()  # expect: wall-clock
        c, d = random.random, 1
        c()  # expect: randomness
        e = [time.time][0]
        e()  # expect: wall-clock
        f = {"x": os.getenv}
        f.get("x")("y")  # expect: environment
        for g in (time.time, random.random): g()  # expect: randomness, wall-clock
        h = time.time if SEP else random.random
        h()  # expect: randomness, wall-clock
        i = (lambda: random.random)
        i()()  # expect: randomness
        with open("x") as j, open("y") as k: pass  # expect: file-io
        [await asyncio.sleep(0) for _ in {1, 2}]  # expect: set-order
        {x async for x in self.agen()}
        async for y in self.agen(): pass
        x = sorted({1, 2})[0]
        z = sum(x for x in {0.1, 0.2})  # expect: set-order
        print("a", "b", sep="")  # expect: print
        await self.inner()
        while (n := random.random()) < 0.5: pass  # expect: randomness
        return f"{time.time():.2f}"  # expect: wall-clock
    async def agen(self):
        for q in {"a", "b"}: yield q  # expect: set-order
    async def inner(self):
        async def task(): return time.time()  # expect: wall-clock
        await asyncio.gather(task(), *[task() for _ in range(2)])
        t = asyncio.create_task(task()); await t
        workflow.logger.info("now %s", time.time())  # expect: wall-clock
        try: raise ValueError
        except* ValueError: random.random()  # expect: randomness
    @workflow.signal
    async def s1(self, n: int) -> None:
        await asyncio.sleep(random.randint(1, n))  # expect: randomness
    @workflow.signal
    def s2(self) -> None:
        asyncio.create_task(self.bg())
    async def bg(self): os.listdir(".")  # expect: directory-order
    @workflow.update(name="u1", unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def u1(self) -> float: return time.time()  # expect: wall-clock
    @u1.validator
    def v(self) -> None: random.random()  # expect: randomness
    @workflow.query
    def qq(self): return list({1, 2})  # expect: set-order

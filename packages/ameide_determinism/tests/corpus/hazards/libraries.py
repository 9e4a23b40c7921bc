import asyncio, time, os, random, uuid, threading, contextlib, functools, io, socket, sqlite3, ssl, select, queue, multiprocessing, concurrent.futures
import http.client, email.utils, ctypes, traceback, sysconfig, resource, shelve, tempfile, shutil, string, sys, logging, weakref, types, copy, math, json, inspect
import numpy, pandas as pd
import numpy.random as nr
from numpy.random import default_rng
from pathlib import Path
from threading import Timer, local
from typing import Iterable, Optional
from datetime import datetime, timezone, timedelta
from temporalio import workflow
from temporalio.exceptions import CancelledError
import psycopg2, pymongo, kafka, sqlalchemy, openai
from sqlalchemy.orm import sessionmaker
from sqlalchemy import create_engine
engine = create_engine("x")  # expect: network
Session = sessionmaker(engine)  # expect: network
tl = threading.local()  # expect: threads
lock = threading.Lock()  # expect: threads
_pool = concurrent.futures.ThreadPoolExecutor()  # expect: threads
db = pymongo.MongoClient()  # expect: network
HOST = socket.gethostname()  # expect: process-identity
NOW = datetime.now
def helper(ids: Iterable, *, clock=time.time): return clock()  # expect: wall-clock
def kw(clock): return clock()  # expect: wall-clock
def default_set(x={"a","b"}):
    return list(x)  # expect: set-order
def default_mut(x=[]):
    x.append(1)  # expect: global-state
    return x
def gen_ids():
    while True:
        yield uuid.uuid4()  # expect: random-uuid
def retry_with(f, *args, **kw): return f(*args, **kw)  # expect: randomness, wall-clock
class Repo:
    _instance = None
    cache = {}
    def __new__(cls):
        if cls._instance is None:
            cls._instance = super().__new__(cls)  # expect: global-state
        return cls._instance
    def get(self, k):
        self.cache[k] = 1  # expect: global-state
        return self.cache[k]
    @functools.lru_cache
    def cached(self): return time.time()  # expect: wall-clock
class Color:
    pass
class Outer:
    class Inner:
        def go(self): return random.random()  # expect: randomness
    def make(self): return self.Inner()
class Lazy:
    def __getattribute__(self, n): return time.time()
@workflow.defn
class W:
    x: set[str] = set()
    def __init__(self):
        self.d: dict[str, set[str]] = {}
        self.ids = gen_ids()
        self.repo = Repo()
        self.names = {n for n in "abc"}
        self.t = ("a", {"b"})
    @workflow.run
    async def run(self, arg: Optional[set[str]], path: Path, log: logging.Logger, ev: threading.Event, n):
        helper([])
        kw(time.time)
        kw(clock=time.monotonic)
        default_set()
        default_mut()
        next(self.ids)
        retry_with(time.time)
        retry_with(random.choice, [1])
        self.repo.get("x")
        self.repo.cached()
        Outer().make().go()
        Outer.Inner().go()
        NOW()  # expect: wall-clock
        NOW(timezone.utc)  # expect: wall-clock
        HOST
        with lock: pass
        tl.x = 1  # expect: global-state
        db.x.find()  # expect: network
        with Session() as s: s.execute("x")  # expect: network
        engine.connect()  # expect: network
        _pool.submit(len)  # expect: threads
        path.exists()  # expect: file-io
        path.open()  # expect: file-io
        log.info("x")  # expect: logging
        ev.wait()  # expect: threads
        Timer(1, print)  # expect: print, threads
        queue.Queue()  # expect: threads
        multiprocessing.Process(target=print)  # expect: print, threads
        numpy.random.seed(1)  # expect: randomness
        nr.rand()  # expect: randomness
        default_rng().integers(3)  # expect: randomness
        default_rng(3).integers(3)
        pd.Timestamp.now()  # expect: wall-clock
        http.client.HTTPConnection("x")  # expect: network
        email.utils.formatdate()  # expect: wall-clock
        traceback.format_exc()
        shutil.copy("a", "b")  # expect: file-io
        os.makedirs("x")  # expect: file-io
        os.path.getsize("x")  # expect: file-io
        os.path.realpath("x")  # expect: file-io
        os.kill(1, 9)  # expect: subprocess
        os.getlogin()  # expect: process-identity
        os.uname()  # expect: process-identity
        os.times()  # expect: process-identity
        sys.getrefcount(1)  # expect: interpreter
        sys.stdin.readline()  # expect: file-io
        input()  # expect: file-io
        openai.OpenAI()  # expect: network
        kafka.KafkaProducer()  # expect: network
        psycopg2.connect("x")  # expect: network
        sqlite3.connect(":memory:")  # expect: file-io
        io.StringIO().write("x")
        arg and list(arg)  # expect: set-order
        if arg is not None:
            for a in arg: pass  # expect: set-order
        for a in (arg or []): pass  # expect: set-order
        for k in self.d: 
            for v in self.d[k]: pass  # expect: set-order
        for k, vs in sorted(self.d.items()):
            for v in vs: pass  # expect: set-order
        [v for vs in self.d.values() for v in vs]  # expect: set-order
        for v in self.d.get("x", set()): pass  # expect: set-order
        for v in self.d.setdefault("y", set()): pass  # expect: set-order
        for v in self.names: await workflow.sleep(1)  # expect: set-order
        for v in self.t[1]: pass  # expect: set-order
        a, b = self.t
        for v in b: pass  # expect: set-order
        for v in self.x: pass  # expect: set-order
        s = set(); s.add(1); s2 = s
        for v in s2: pass  # expect: set-order
        u = set.union({1}, {2})
        for v in u: pass  # expect: set-order
        for v in set().union(*[{1},{2}]): pass  # expect: set-order
        first = list(self.names)[0]  # expect: set-order
        min(self.names, key=len);  # expect: set-order
        sorted(self.names, key=lambda v: random.random())  # expect: randomness, set-order
        json.dumps({"a": list(self.names)})  # expect: set-order
        ",".join(map(str, self.names))  # expect: set-order
        ",".join(f"{x}" for x in self.names)  # expect: set-order
        "".join([x for x in self.names if x])  # expect: set-order
        dict(zip(self.names, range(3)))  # expect: set-order
        dict.fromkeys(self.names, 0)  # expect: set-order
        {**dict.fromkeys(self.names)}  # expect: set-order
        str(self.names); repr(self.names)  # expect: set-order
        workflow.logger.info("%s", list(self.names))
        asyncio.gather(*(self.a(x) for x in self.names))  # expect: set-order
        tasks = {asyncio.create_task(self.a(1))}
        await asyncio.gather(*tasks)  # expect: set-order
        while tasks: 
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # expect: asyncio-wait
            for t in done: t.result()
        for f in asyncio.as_completed(tasks): await f  # expect: asyncio-wait
        async with asyncio.TaskGroup() as tg: tg.create_task(self.a(1))  # expect: task-group
        loop = asyncio.get_event_loop()
        loop.run_in_executor(_pool, len, [])  # expect: threads
        loop.add_signal_handler(1, print)  # expect: print, signal-handler
        loop.call_soon_threadsafe(print)  # expect: print, threads
        asyncio.run_coroutine_threadsafe(self.a(1), loop)  # expect: threads
        asyncio.new_event_loop().run_until_complete(self.a(1))  # expect: event-loop
        await asyncio.create_subprocess_shell("x")  # expect: subprocess
        datetime.fromtimestamp(1)  # expect: local-time-zone
        datetime.fromtimestamp(1, None)  # expect: local-time-zone
        datetime.now().astimezone()  # expect: local-time-zone, wall-clock
        time.strftime("%Y")  # expect: wall-clock
        time.mktime(time.gmtime(0))  # expect: local-time-zone
        time.perf_counter_ns(); time.process_time(); time.thread_time()  # expect: wall-clock
        uuid.uuid1(); uuid.uuid4().hex; str(uuid.uuid4()); uuid.uuid4().int % 3  # expect: random-uuid
        random.seed(1); random.shuffle([]); random.sample([], 1); random.Random(None); random.Random().choice([])  # expect: randomness
        id(self); hash("x"); hash(b"x"); hash(object()); hash(frozenset({"a"})); hash(1.5)  # expect: hash-value, object-identity
        getattr(workflow, n); getattr(self, "a" if n else "b"); getattr(self, n.name, None)  # expect: computed-attribute
        setattr(self, f"x{n}", 1)  # expect: computed-attribute
        operator = __import__("operator")  # expect: dynamic-import
        sys.modules[__name__]  # expect: dynamic-import
        sys.path.append("x")  # expect: interpreter
        globals()["NOW"]
        vars()["n"]
        locals()[n]  # expect: computed-attribute
        inspect.currentframe()  # expect: interpreter
        weakref.WeakValueDictionary()  # expect: garbage-collection
        try: await self.a(1)
        except CancelledError: pass
        try: await self.a(1)
        except (asyncio.CancelledError,): return  # expect: swallowed-cancellation
        try: await self.a(1)
        except BaseException as e: workflow.logger.error("x"); return  # expect: swallowed-cancellation
        try: await self.a(1)
        except: raise ValueError("x")
        with contextlib.suppress(BaseException): await self.a(1)  # expect: swallowed-cancellation
        workflow.continue_as_new()
    async def a(self, x): return x

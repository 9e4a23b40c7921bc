import datetime
import time
import time as t
from datetime import date
from datetime import datetime as dt
from time import monotonic as now
from time import perf_counter

from temporalio import workflow

STARTED = time.time()  # expect: wall-clock
clock = time.time


class Stamp:
    created = dt.now()  # expect: wall-clock


def stamped(at=time.time_ns()):  # expect: wall-clock
    return at


def aliased():
    read = time.time
    return read()  # expect: wall-clock


@workflow.defn
class Clock:
    born = datetime.datetime.utcnow()  # expect: wall-clock

    @workflow.run
    async def run(self) -> None:
        t.time()  # expect: wall-clock
        now()  # expect: wall-clock
        perf_counter()  # expect: wall-clock
        dt.now()  # expect: wall-clock
        datetime.datetime.now(datetime.timezone.utc)  # expect: wall-clock
        datetime.datetime.today()  # expect: wall-clock
        date.today()  # expect: wall-clock
        datetime.date.today()  # expect: wall-clock
        clock()  # expect: wall-clock
        aliased()
        stamped()
        Stamp()
        self.started = STARTED
        time.clock_gettime(time.CLOCK_REALTIME)  # expect: wall-clock
        time.gmtime()  # expect: wall-clock
        time.strftime("%H:%M")  # expect: wall-clock
        time.asctime()  # expect: wall-clock
        time.localtime()  # expect: local-time-zone
        time.ctime()  # expect: local-time-zone
        time.localtime(0)  # expect: local-time-zone
        time.sleep(1)  # expect: blocking-sleep
        dt.fromtimestamp(0)  # expect: local-time-zone
        date.fromtimestamp(0)  # expect: local-time-zone
        workflow.now().astimezone()  # expect: local-time-zone
        dt(2024, 1, 1).astimezone()  # expect: local-time-zone
        print_zone = time.tzname  # expect: local-time-zone
        if (late := time.time()) > 3:  # expect: wall-clock
            self.late = late
        f"{dt.now():%H}"  # expect: wall-clock
        [time.time() for _ in range(3)]  # expect: wall-clock
        {x: x for x in (time.time(),)}  # expect: wall-clock
        (lambda: time.time())()  # expect: wall-clock
        list(map(lambda x: x + time.time(), [1]))  # expect: wall-clock
        max([1], key=lambda x: time.time())  # expect: wall-clock
        getattr(time, "time")()  # expect: wall-clock
        match time.time():  # expect: wall-clock
            case 0.0:
                pass
        async for _ in ticks():
            pass
        [one async for one in ticks()]
        with measured() as m:
            m
        import time as later

        later.time()  # expect: wall-clock


async def ticks():
    yield time.time()  # expect: wall-clock


from contextlib import contextmanager


@contextmanager
def measured():
    begin = time.monotonic()  # expect: wall-clock
    yield begin

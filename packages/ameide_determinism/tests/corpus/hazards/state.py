import itertools
import logging
import sys
from dataclasses import dataclass

from temporalio import workflow

CACHE: dict[str, int] = {}
SEEN: list[str] = []
TOTAL = 0
COUNTER = itertools.count()
logger = logging.getLogger(__name__)


class Config:
    retries = 3


class Registry:
    def __init__(self) -> None:
        self.items = []

    def add(self, item):
        self.items.append(item)  # expect: global-state


REGISTRY = Registry()


def remember(store):
    store.append(1)  # expect: global-state


@workflow.defn
class State:
    runs = 0
    shared: list[str] = []

    @workflow.run
    async def run(self, name: str) -> None:
        global TOTAL
        TOTAL += 1  # expect: global-state
        CACHE[name] = 1  # expect: global-state
        CACHE.update(x=1)  # expect: global-state
        SEEN.append(name)  # expect: global-state
        del CACHE[name]  # expect: global-state
        Config.retries = 5  # expect: global-state
        State.runs += 1  # expect: global-state
        type(self).runs = 2  # expect: global-state
        self.__class__.runs = 2  # expect: global-state
        self.shared.append(name)  # expect: global-state
        next(COUNTER)  # expect: global-state
        REGISTRY.add(name)
        remember(SEEN)
        local = CACHE
        local["x"] = 2  # expect: global-state
        logging.raiseExceptions = False  # expect: global-state
        setattr(Config, "retries", 2)  # expect: global-state
        self.bump()
        print("x")  # expect: print
        sys.stdout.write("x")  # expect: print
        logger.info("x")  # expect: logging
        logging.warning("x")  # expect: logging
        logging.getLogger("a").exception("x")  # expect: logging
        log = logger
        log.debug("x")  # expect: logging

    @classmethod
    def bump(cls):
        cls.runs += 1  # expect: global-state

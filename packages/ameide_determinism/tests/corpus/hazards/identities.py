import gc
import importlib
import inspect
import operator
import signal
import sys
import weakref

from temporalio import workflow


class Plain:
    pass


@workflow.defn
class Identities:
    @workflow.run
    async def run(self, name: str, thing) -> None:
        hash(name)  # expect: hash-value
        hash((name, 1))  # expect: hash-value
        id(thing)  # expect: object-identity
        sorted([thing], key=id)  # expect: object-identity
        repr(Plain())  # expect: default-repr
        f"{Plain()}"  # expect: default-repr
        str(Plain())  # expect: default-repr
        object.__repr__(thing)  # expect: default-repr
        f"{print_name}"  # expect: default-repr
        eval("1")  # expect: dynamic-code
        exec("x = 1")  # expect: dynamic-code
        compile("1", "f", "eval")  # expect: dynamic-code
        importlib.import_module("x")  # expect: dynamic-import
        __import__("x")  # expect: dynamic-import
        sys.modules["x"]  # expect: dynamic-import
        getattr(self, name)()  # expect: computed-attribute
        getattr(self, f"on_{name}")  # expect: computed-attribute
        setattr(self, name, 1)  # expect: computed-attribute
        operator.attrgetter(name)(thing)  # expect: computed-attribute
        globals()[name]  # expect: computed-attribute
        vars(self)[name]  # expect: computed-attribute
        self.__dict__[name]  # expect: computed-attribute
        gc.collect()  # expect: garbage-collection
        weakref.ref(thing)  # expect: garbage-collection
        inspect.stack()  # expect: interpreter
        signal.signal(signal.SIGTERM, print_name)  # expect: signal-handler


def print_name(*_):
    pass

import os.path
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import other.clients
    import shop.util.clocks as clocks
    from other import state
    from shop import public_stamp
    from shop.activities import charge
    from shop.util import starred

    from .bases import Pricing


def make():
    return {"a"}


@workflow.defn
class Shop(Pricing):
    def factor(self):
        return hash("x")  # expect: hash-value

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity(charge, start_to_close_timeout=timedelta(seconds=1))
        await charge("direct")
        public_stamp()
        starred()
        clocks.LOADED_AT
        self.price()
        for tag in self.tags():  # expect: set-order
            tag
        state.CACHE["x"] = 1  # expect: global-state
        state.remember("x")
        state.LIMIT = 3  # expect: global-state
        clocks.REGISTRY.append(1)  # expect: global-state
        other.clients.fetch()
        other.clients.Client().get()
        os.path.isfile("x")  # expect: file-io

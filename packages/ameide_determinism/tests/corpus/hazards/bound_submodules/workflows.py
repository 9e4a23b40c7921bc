import lib
import lib.clock
import named
from lib import a, shown
from named import renamed, watch
from temporalio import workflow


@workflow.defn
class Bound:
    @workflow.run
    async def run(self) -> None:
        lib.clock.stamp()
        shown.stamp()
        a.go()
        watch.stamp()
        renamed.stamp()
        named.third.stamp()

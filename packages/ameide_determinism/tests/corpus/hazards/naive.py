import datetime as dt
from datetime import datetime, timezone

from temporalio import workflow


@workflow.defn
class Naive:
    @workflow.run
    async def run(self, text: str, number: int, anything) -> None:
        datetime(2024, 1, 1).timestamp()  # expect: local-time-zone
        dt.datetime(2024, 1, day=1).timestamp()  # expect: local-time-zone
        datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp()
        datetime(2024, 1, 1, 0, 0, 0, 0, timezone.utc).timestamp()
        workflow.now().timestamp()
        anything.timestamp()
        text.__hash__()  # expect: hash-value
        anything.__hash__()  # expect: hash-value
        number.__hash__()

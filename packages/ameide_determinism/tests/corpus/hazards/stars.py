from datetime import *
from os import *
from time import *

from pydantic_settings import BaseSettings
from temporalio import workflow


class Settings(BaseSettings):
    region: str = "x"


@workflow.defn
class Stars:
    @workflow.run
    async def run(self) -> None:
        import os

        datetime.now()  # expect: wall-clock
        monotonic()  # expect: wall-clock
        getpid()  # expect: process-identity
        environ["X"]  # expect: environment
        path.exists("x")  # expect: file-io
        getattr(os, "environ")["X"]  # expect: environment
        Settings()  # expect: environment
        timedelta(days=1)
        path.join("a", "b")

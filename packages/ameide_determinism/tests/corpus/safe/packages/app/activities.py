import os
import time

import httpx
from temporalio import activity

client = httpx.AsyncClient()
KEY = os.environ["KEY"]


class Mailer:
    sent_at = time.time()
    client = httpx.Client()

    @activity.defn
    async def send(self) -> None:
        self.client.get("u")


@activity.defn
async def fetch(url: str, at: float = time.time()) -> str:
    return await client.get(url)

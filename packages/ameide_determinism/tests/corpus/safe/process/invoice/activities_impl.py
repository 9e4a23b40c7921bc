import os
import time

import httpx
import structlog

log = structlog.get_logger()


class InvoiceActivitiesImpl:
    async def charge(self, request, *, idempotency_key):
        log.info("x", at=time.time(), key=os.environ["KEY"])
        async with httpx.AsyncClient() as client:
            return await client.get("u")

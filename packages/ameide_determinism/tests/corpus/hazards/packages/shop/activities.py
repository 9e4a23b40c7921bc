import time

import requests
from temporalio import activity

API = requests.Session()


@activity.defn
async def charge(name="x"):
    time.time()  # expect: wall-clock
    return name


@activity.defn
async def ship():
    time.time()
    requests.get("u")

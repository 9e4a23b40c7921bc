import asyncio
import glob
import io
import locale
import os
import pathlib
import platform
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from getpass import getuser
from os import environ, getenv
from os import path as p
from pathlib import Path

import aiohttp
import boto3
import grpc
import httpx
import redis.asyncio as redis
import requests
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker
from temporalio import workflow
from temporalio.client import Client

engine = create_engine("x")  # expect: network
Sessions = sessionmaker(engine)  # expect: network
REGION = os.environ["REGION"]  # expect: environment
DEBUG = os.getenv("DEBUG") == "1"  # expect: environment
session = requests.Session()  # expect: network
ROOT = Path(__file__).parent
if environ.get("MODE"):  # expect: environment
    MODE = 1
else:
    MODE = 2


@workflow.defn
class Outside:
    @workflow.run
    async def run(self, name) -> None:
        REGION, DEBUG, MODE
        os.environ.get("X")  # expect: environment
        environ["X"]  # expect: environment
        getenv("X")  # expect: environment
        "X" in os.environ  # expect: environment
        open("f")  # expect: file-io
        io.open("f")  # expect: file-io
        Path("f").read_text()  # expect: file-io
        Path("f").exists()  # expect: file-io
        (ROOT / "f").read_bytes()  # expect: file-io
        ROOT.joinpath("x").with_suffix(".t").write_text("")  # expect: file-io
        name.read_text()  # expect: file-io
        pathlib.Path.cwd()  # expect: process-identity
        Path.home()  # expect: process-identity
        list(Path(".").iterdir())  # expect: directory-order
        Path(".").glob("*")  # expect: directory-order
        os.listdir(".")  # expect: directory-order
        sorted(glob.glob("*"))  # expect: directory-order
        os.walk(".")  # expect: directory-order
        os.stat("f")  # expect: file-io
        os.path.exists("f")  # expect: file-io
        p.getmtime("f")  # expect: file-io
        tempfile.mkdtemp()  # expect: file-io
        sqlite3.connect("f")  # expect: file-io
        socket.socket()  # expect: network
        socket.gethostname()  # expect: process-identity
        subprocess.run(["ls"])  # expect: subprocess
        os.system("ls")  # expect: subprocess
        requests.get("u")  # expect: network
        session.get("u")  # expect: network
        httpx.AsyncClient()  # expect: network
        async with aiohttp.ClientSession() as http:  # expect: network
            await http.get("u")  # expect: network
        urllib.request.urlopen("u")  # expect: network
        boto3.client("s3")  # expect: network
        grpc.insecure_channel("a")  # expect: network
        redis.Redis()  # expect: network
        await Client.connect("a")  # expect: network
        threading.Thread(target=print).start()  # expect: threads, print
        ThreadPoolExecutor()  # expect: threads
        threading.Lock()  # expect: threads
        await asyncio.to_thread(len, "x")  # expect: threads
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, len, "x")  # expect: threads
        await asyncio.create_subprocess_exec("ls")  # expect: subprocess
        await asyncio.open_connection("h", 1)  # expect: network
        asyncio.run(self.run(1))  # expect: event-loop
        getuser()  # expect: process-identity
        os.getpid()  # expect: process-identity
        os.getcwd()  # expect: process-identity
        os.cpu_count()  # expect: process-identity
        platform.system()  # expect: interpreter
        sys.argv  # expect: interpreter
        sys.version_info  # expect: interpreter
        sys.platform  # expect: interpreter
        locale.getlocale()  # expect: locale
        locale.setlocale(locale.LC_ALL, "")  # expect: locale
        f"{1000:n}"  # expect: locale
        engine.connect()  # expect: network
        with Sessions() as db:  # expect: network
            db.execute("x")
        set.union({1}, {2})
        datetime.fromtimestamp(1, None)  # expect: local-time-zone
        workflow.now().astimezone(tz=None)  # expect: local-time-zone

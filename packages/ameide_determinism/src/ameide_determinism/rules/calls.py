"""Calls outside of the project that are hazards, by dotted name.

The longest entry that begins a name decides: `os.path.join` before `os.path.` before `os.`. An entry that ends in a dot
covers all that is below it; an empty rule means that the call is safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

SAFE: Final = ""


_TABLE: Final = {
    "wall-clock": """
        time: time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns
        time: thread_time thread_time_ns clock_gettime clock_gettime_ns clock_getres get_clock_info
        datetime.datetime: now utcnow today
        pendulum: now today tomorrow yesterday
        pandas.Timestamp: now utcnow today
        datetime.date.today email.utils.formatdate email.utils.localtime timeit. freezegun. sched.scheduler
        arrow.now arrow.utcnow arrow.Arrow.now arrow.Arrow.utcnow whenever.Instant.now whenever.ZonedDateTime.now
        django.utils.timezone.now google.protobuf.now
    """,
    "blocking-sleep": """
        time.sleep
    """,
    "local-time-zone": """
        time: localtime mktime ctime tzset
        datetime.date.fromtimestamp
    """,
    "randomness": """
        torch: rand randn randint
        random. secrets. faker. mimesis. numpy.random. os.urandom os.getrandom ssl.RAND_bytes tensorflow.random.
        Crypto.Random. names.get_full_name cryptography.fernet.Fernet.generate_key
    """,
    "random-uuid": """
        uuid: uuid1 uuid4 uuid6 uuid7 getnode
        shortuuid. ulid. nanoid. ksuid. cuid. cuid2. xid. uuid6. uuid_extensions. tsidpy. bson.ObjectId
        bson.objectid. snowflake.SnowflakeGenerator
    """,
    "environment": """
        os: getenv getenvb putenv unsetenv get_exec_path
        os.path.expandvars dotenv. decouple.config environ.Env environs.Env
    """,
    "process-identity": """
        pathlib.Path: cwd home expanduser absolute
        os.path: expanduser abspath relpath
        threading: get_ident get_native_id current_thread main_thread active_count enumerate
        multiprocessing: current_process cpu_count active_children
        os. pwd. grp. getpass. resource. psutil. ctypes. site. sysconfig. platform.node platform.uname
        socket.gethostname socket.getfqdn
    """,
    "interpreter": """
        inspect: stack currentframe getframeinfo
        sys: _getframe getsizeof getrefcount getrecursionlimit setrecursionlimit settrace setprofile exit
        sys: getfilesystemencoding getdefaultencoding getswitchinterval _current_frames
        traceback: extract_stack format_stack print_stack
        platform. faulthandler.
    """,
    "locale": """
        locale. gettext. babel. calendar.LocaleTextCalendar calendar.LocaleHTMLCalendar
    """,
    "file-io": """
        io: open FileIO open_code
        os: stat lstat fstat open read write close access remove unlink rename renames replace mkdir makedirs rmdir
        os: removedirs chmod chown link symlink readlink truncate utime mkfifo fdopen statvfs fsync pipe sendfile
        os: path.
        pathlib.Path: read_text read_bytes write_text write_bytes open exists is_file is_dir is_symlink is_mount
        pathlib.Path: stat lstat touch unlink mkdir rmdir rename replace chmod symlink_to hardlink_to readlink
        pathlib.Path: resolve samefile owner group is_socket is_fifo is_block_device is_char_device lchmod link_to
        pathlib.Path: move copy
        importlib.resources: read_text read_binary open_text open_binary files as_file path contents
        pandas: read_csv read_parquet read_sql read_excel
        logging: FileHandler config. handlers.
        builtins.open builtins.input _io. sqlite3. shutil. tempfile. mmap. fcntl. fileinput. linecache. shelve. dbm.
        zipfile. tarfile. aiofiles. pkg_resources. codecs.open pkgutil.get_data gzip.open bz2.open lzma.open
        anyio.Path. anyio.open_file json.tool tomllib.load pickle.load netrc.netrc mimetypes.init numpy.load
        numpy.save importlib.metadata.
    """,
    "directory-order": """
        os: listdir scandir walk fwalk
        pathlib.Path: iterdir glob rglob walk
        glob. filecmp. pkgutil.iter_modules pkgutil.walk_packages
    """,
    "network": """
        asyncio: open_connection start_server open_unix_connection start_unix_server
        asyncio.loop: create_connection create_server create_datagram_endpoint create_unix_connection
        asyncio.loop: create_unix_server getaddrinfo getnameinfo sock_connect sock_recv sock_sendall sock_accept
        asyncio.loop: start_tls connect_accepted_socket add_reader add_writer connect_read_pipe connect_write_pipe
        socket. ssl. select. selectors. socketserver. smtplib. ftplib. imaplib. poplib. telnetlib. nntplib. xmlrpc.
        wsgiref. asyncore. requests. httpx. aiohttp. urllib3. httplib2. pycurl. websockets. websocket. boto3.
        aioboto3. aiobotocore. grpc. grpclib. kafka. confluent_kafka. aiokafka. nats. pika. aio_pika. kombu. celery.
        stomp. redis. aioredis. memcache. pymemcache. aiomcache. valkey. coredis. psycopg. psycopg2. psycopg_pool.
        asyncpg. aiopg. pymysql. aiomysql. MySQLdb. cx_Oracle. oracledb. pyodbc. aioodbc. pymssql. aiosqlite.
        duckdb. pymongo. motor. cassandra. elasticsearch. opensearchpy. neo4j. clickhouse_connect.
        clickhouse_driver. peewee. paramiko. asyncssh. openai. anthropic. googleapiclient. azure. stripe. twilio.
        slack_sdk. sendgrid. kubernetes_asyncio. lightkube. docker. consul. etcd3. zeep. supabase. hvac. litellm.
        ollama. ntplib. minio. s3fs. gcsfs. fsspec. http.client. http.server. urllib.request. botocore.session.
        tornado.httpclient. paho.mqtt. mysql.connector. snowflake.connector. databases.Database
        sqlalchemy.create_engine sqlalchemy.create_pool_from_url sqlalchemy.engine.create_engine
        sqlalchemy.ext.asyncio. sqlalchemy.orm.Session sqlalchemy.orm.sessionmaker sqlmodel.create_engine
        sqlmodel.Session google.cloud. google.auth. kubernetes.client. gql.Client dns.resolver.
        prometheus_client.start_http_server temporalio.client.Client temporalio.client.connect
        temporalio.worker.Worker anyio.connect_tcp
    """,
    "subprocess": """
        os: system popen fork forkpty spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe posix_spawn
        os: posix_spawnp execl execle execlp execlpe execv execve execvp execvpe kill killpg wait waitpid abort
        os: _exit startfile
        subprocess. pexpect. sh. pty. webbrowser. asyncio.create_subprocess_exec asyncio.create_subprocess_shell
        asyncio.loop.subprocess_exec asyncio.loop.subprocess_shell anyio.run_process anyio.open_process
        trio.run_process
    """,
    "threads": """
        asyncio.loop: run_in_executor call_soon_threadsafe set_default_executor
        threading. _thread. multiprocessing. queue. greenlet. joblib. gevent. eventlet. dask. ray. billiard.
        concurrent.futures. asyncio.to_thread asyncio.run_coroutine_threadsafe anyio.to_thread. anyio.from_thread.
        asgiref.sync. trio.to_thread.
    """,
    "event-loop": """
        asyncio: run Runner new_event_loop set_event_loop set_event_loop_policy all_tasks
        asyncio.loop: run_until_complete run_forever stop close
        uvloop. nest_asyncio. anyio.run trio.run
    """,
    "signal-handler": """
        signal. atexit. asyncio.loop.add_signal_handler asyncio.loop.remove_signal_handler
    """,
    "asyncio-wait": """
        asyncio.wait asyncio.as_completed asyncio.tasks.wait asyncio.tasks.as_completed
    """,
    "task-group": """
        asyncio.TaskGroup anyio.create_task_group
    """,
    "dynamic-import": """
        importlib: import_module reload util.
        builtins.__import__
    """,
    "dynamic-code": """
        builtins: eval exec compile
        code. codeop. runpy. dill. types.CodeType types.FunctionType marshal.loads pickle.loads cloudpickle.loads
    """,
    "object-identity": """
        builtins.id
    """,
    "default-repr": """
        builtins.object.__repr__ builtins.object.__str__
    """,
    "garbage-collection": """
        gc. weakref. tracemalloc.
    """,
    "print": """
        sys: stdout. stderr. __stdout__. displayhook
        builtins.print builtins.breakpoint pprint.pprint pprint.pp rich.print rich.console.Console.print click.echo
        typer.echo pdb.
    """,
    "logging": """
        logging: debug info warning warn error exception critical fatal log
        logging.Logger: debug info warning warn error exception critical fatal log handle
        structlog.Logger: debug info warning warn error exception critical fatal log msg adebug ainfo awarning
        structlog.Logger: aerror aexception acritical
        loguru.logger. syslog. warnings.warn sentry_sdk.capture_message sentry_sdk.capture_exception
    """,
    SAFE: """
        os.path: join basename dirname split splitext splitdrive normpath normcase isabs commonpath commonprefix
        os: fspath fsencode fsdecode strerror PathLike environ. environb.
        socket: inet_aton inet_ntoa htonl htons ntohl ntohs inet_pton inet_ntop AddressFamily
        ulid: parse from_str from_bytes
        sys.modules. sys.path. random.Random.seeded. numpy.random.seeded. numpy.random.Generator faker.seeded.
        secrets.compare_digest glob.escape asyncio.run_coroutine calendar. importlib.metadata.metadata.
        requests.Request httpx.Request httpx.Response signal.Signals signal.strsignal queue.Empty queue.Full
        grpc.StatusCode weakref.proxy_types subprocess.list2cmdline botocore.config. google.auth.exceptions.
        threading.Event.is_set builtins.open_code ctypes.sizeof uuid.UUID ulid.ULID.from_str ulid.ULID.from_bytes
        bson.objectid.ObjectId.is_valid logging.Logger.isEnabledFor temporalio.client.ClientConfig
        multiprocessing.Value.value
    """,
}
"""Names by rule; `module: name name` stands for `module.name module.name`."""


def _names(block: str) -> Iterator[str]:
    for line in block.strip().splitlines():
        prefix, colon, names = line.strip().rpartition(": ")
        yield from (f"{prefix}.{name}" if colon else name for name in names.split())


CALLS: Final = {name: rule for rule, block in _TABLE.items() for name in _names(block)}

NEEDS_ARGUMENTS: Final = {
    "time.gmtime": (1, "wall-clock"),
    "time.asctime": (1, "wall-clock"),
    "time.strftime": (2, "wall-clock"),
    "datetime.datetime.fromtimestamp": (2, "local-time-zone"),
    "datetime.datetime.astimezone": (1, "local-time-zone"),
    "random.Random": (1, "randomness"),
    "numpy.random.default_rng": (1, "randomness"),
    "numpy.random.RandomState": (1, "randomness"),
    "numpy.random.SeedSequence": (1, "randomness"),
    "numpy.random.PCG64": (1, "randomness"),
    "numpy.random.MT19937": (1, "randomness"),
    "bson.ObjectId": (1, "random-uuid"),
    "bson.objectid.ObjectId": (1, "random-uuid"),
    "asyncio.get_event_loop_policy": (0, ""),
}
"""Calls that are safe once they have so many arguments, and the rule that they break with fewer."""

ANY_RECEIVER: Final = {
    "run_in_executor": "threads",
    "read_text": "file-io",
    "read_bytes": "file-io",
    "write_text": "file-io",
    "write_bytes": "file-io",
    "iterdir": "directory-order",
    "rglob": "directory-order",
    "call_soon_threadsafe": "threads",
    "run_until_complete": "event-loop",
}
"""Methods whose name says enough where nothing is known of the object."""

_VALUE_CLASSES: Final = re.compile(
    r"(Error|Exception|Warning|Timeout|TimeoutException|Limits|URL|Headers|Config|Options|Auth|Info|Settings|Params"
    r"|RetryPolicy|Retry|Literal|Request|Response|Status|Enum|Type|Policy|Message|Credentials|TopicPartition|Record)$"
)
"""Last words of classes of client libraries whose objects hold data and talk to nobody."""


def rule_of_call(name: str, arguments: int, keywords: frozenset[str] = frozenset()) -> str:
    """The rule that a call breaks; empty: none.

    Args:
        name: Dotted name of what is called.
        arguments: How many arguments it gets; keywords count.
        keywords: Names of keyword arguments.
    """
    if name in NEEDS_ARGUMENTS:
        wanted, rule = NEEDS_ARGUMENTS[name]
        enough = arguments >= wanted or bool(keywords & {"tz", "seed", "t", "x"})
        return SAFE if enough else rule
    if name in CALLS:
        return CALLS[name]
    prefix = name
    while "." in prefix:
        prefix = prefix.rpartition(".")[0]
        rule = CALLS.get(f"{prefix}.")
        if rule is not None:
            return SAFE if rule in _CLIENT_RULES and _holds_data(name) else rule
        if CALLS.get(prefix) in _CLIENT_RULES:
            return CALLS[prefix]
    if "_pb2_grpc." in name and name.endswith("Stub"):
        return "network"
    return SAFE


_CLIENT_RULES: Final = frozenset({"network", "threads", "subprocess", "file-io"})


def _holds_data(name: str) -> bool:
    return any(_VALUE_CLASSES.search(part) for part in name.split(".")[1:])

"""What operators see of a process: alert rules, dashboard and logs, compared with programs that really run."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import promql_parser
import pytest
import yaml
from aiokafka import AIOKafkaProducer
from ameide_core_proto.orders.fulfillment.v1.order_fulfillment_pb2 import OrderFulfillmentEvent
from ameide_devstack import EmbeddedKafka, TemporalDevServer
from ameide_devstack.testing import wait_until
from order_fulfillment_generated.contract import CONTRACT
from prometheus_client.parser import text_string_to_metric_families

FOLDER = Path(__file__).parent.parent / "services/operator/observability"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())

FROM_SCRAPE = {"job", "instance", "namespace", "pod"}
"""Labels that Prometheus adds."""
FROM_HISTOGRAM = {"le"}
GRAFANA = re.compile(r"\$__rate_interval|\$\w+")

Series = dict[str, list[dict[str, str]]]
"""Label sets by metric."""


def panel_expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]


EXPRESSIONS = [*(rule["expr"] for rule in ALERTS), *panel_expressions()]


@dataclass(frozen=True)
class Selector:
    metric: str
    equals: dict[str, str]
    labels: set[str]
    """Every label that the expression asks of it."""


def selectors(expression: str) -> list[Selector]:
    """Reads an expression, and what it asks of each metric."""
    parsed = promql_parser.parse(GRAFANA.sub(lambda found: "5m" if "interval" in found[0] else ".*", expression))
    found: list[promql_parser.VectorSelector] = []
    grouped: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            grouped.update(node.modifier.labels)

    promql_parser.walk(parsed, visit)
    assert found, expression
    made: dict[str, Selector] = {}
    for each in found:
        matchers = each.matchers.matchers
        equals = {each.name: each.value for each in matchers if each.op == promql_parser.MatchOp.Equal}
        assert each.name is not None
        made[str(each)] = Selector(each.name, equals, {matcher.name for matcher in matchers} | grouped)
    return list(made.values())


def series_of(page: str) -> Series:
    series: Series = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            series.setdefault(sample.name, []).append(dict(sample.labels))
    return series


class Program:
    """A worker or an ingress of its own interpreter."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path, http: aiohttp.ClientSession) -> None:
        self.process = process
        self._base = f"http://127.0.0.1:{port}"
        self._log = log
        self._http = http

    async def get(self, path: str) -> tuple[int, str]:
        try:
            async with self._http.get(self._base + path) as response:
                return response.status, await response.text()
        except aiohttp.ClientError:
            return 0, ""

    async def is_ready(self) -> bool:
        return (await self.get("/readyz"))[0] == 200

    async def series(self) -> Series:
        return series_of((await self.get("/metrics"))[1])

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


POSTED = """
import dataclasses
from ameide_process.contract import Subscription
from ameide_process.ingress import run_ingress
from order_fulfillment_generated.router import OrderFulfillmentRouter

class PostedRouter(OrderFulfillmentRouter):
    contract = dataclasses.replace(
        OrderFulfillmentRouter.contract, subscriptions=(Subscription(name="posted", kind="http", binding_ref="posted"),)
    )

run_ingress(PostedRouter())
"""


@dataclass(frozen=True)
class Process:
    """A process that runs: a worker and an ingress, and the topic between them and the test."""

    worker: Program
    ingress: Program
    posted: Program
    """Another ingress, whose events come by HTTP."""
    producer: AIOKafkaProducer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


WORKER = ["-m", "order_fulfillment_generated.worker"]
INGRESS = ["-m", "order_fulfillment_generated.ingress"]


async def started(
    name: str, command: list[str], environ: dict[str, str], folder: Path, http: aiohttp.ClientSession
) -> Program:
    port, log = free_port(), folder / f"{name}.log"
    here = {"HTTP_HOST": "127.0.0.1", "PORT_HTTP": str(port)}
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, env={**os.environ, **environ, **here}, stdout=out
        )
    return Program(process, port, log, http)


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Process]:
    folder = tmp_path_factory.mktemp("observed")
    async with EmbeddedKafka() as kafka, TemporalDevServer() as temporal, aiohttp.ClientSession() as http:
        for topic in ("orders", "orders.dead"):
            await kafka.create_topic(topic)
        transport = {"kind": "kafka", "bootstrapServers": kafka.bootstrap_servers}
        subscriptions, outputs = folder / "ingress.json", folder / "outputs.json"
        bindings = {
            each.binding_ref: {**transport, "topic": "orders", "sessionTimeoutSeconds": 1}
            for each in CONTRACT.subscriptions
        }
        subscriptions.write_text(json.dumps(bindings))
        outputs.write_text(
            json.dumps({name: {**transport, "topic": "orders.dead"} for name in ("dead-letter", *CONTRACT.streams)})
        )
        posted = folder / "posted.json"
        posted.write_text(json.dumps({"posted": {"kind": "http", "port": free_port()}}))
        environ = {
            **temporal.environment(),
            "INGRESS_CONFIG": str(subscriptions),
            "OUTPUT_CONFIG": str(outputs),
            "LOG_LEVEL": "DEBUG",
        }
        programs = {
            "worker": await started("worker", WORKER, environ, folder, http),
            "ingress": await started("ingress", INGRESS, environ, folder, http),
            "posted": await started("posted", ["-c", POSTED], {**environ, "INGRESS_CONFIG": str(posted)}, folder, http),
        }
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
        await producer.start()
        try:
            for program in programs.values():
                await wait_until(program.is_ready, timeout_s=60)
            yield Process(programs["worker"], programs["ingress"], programs["posted"], producer)
        finally:
            await producer.stop()
            for program in programs.values():
                program.process.terminate()
            for program in programs.values():
                await asyncio.wait_for(program.process.wait(), 40)


async def test_a_worker_says_that_a_stream_of_facts_is_away_and_goes_on(tmp_path: Path) -> None:
    async with (
        EmbeddedKafka() as kafka,
        EmbeddedKafka() as away,
        TemporalDevServer() as temporal,
        aiohttp.ClientSession() as http,
    ):
        transport = {"kind": "kafka", "bootstrapServers": kafka.bootstrap_servers}
        outputs = {name: {**transport, "topic": "dead"} for name in ("dead-letter", *CONTRACT.streams)}
        outputs["progress"] = {**transport, "bootstrapServers": away.bootstrap_servers, "topic": "told"}
        await away.kill()
        file = tmp_path / "outputs.json"
        file.write_text(json.dumps(outputs))
        worker = await started("worker", WORKER, {**temporal.environment(), "OUTPUT_CONFIG": str(file)}, tmp_path, http)

        async def warning() -> str:
            checks = json.loads((await worker.get("/readyz"))[1] or '{"checks": []}')["checks"]
            return next((each["reason"] for each in checks if each["name"] == "output:progress" and each["ok"]), "")

        async def warns() -> bool:
            return "kafka topic told at" in await warning()

        async def is_silent() -> bool:
            return not await warning()

        try:
            await wait_until(worker.is_ready, timeout_s=60)
            await wait_until(warns, timeout_s=30)
            assert 'ameide_readiness_warning{check="output:progress"} 1.0' in (await worker.get("/metrics"))[1]
            assert await worker.is_ready()
            await away.start()
            await wait_until(is_silent, timeout_s=30)
            assert 'ameide_readiness_warning{check="output:progress"} 0.0' in (await worker.get("/metrics"))[1]
        finally:
            worker.process.terminate()
            await asyncio.wait_for(worker.process.wait(), 40)


async def test_every_metric_that_rules_and_dashboard_name_is_there_before_the_first_event(running: Process) -> None:
    asked = [(expression, selector) for expression in EXPRESSIONS for selector in selectors(expression)]

    async def missing() -> list[str]:
        exported = [await each.series() for each in (running.worker, running.ingress, running.posted)]
        return [
            f"{selector.metric} {selector.equals} {sorted(selector.labels)} in {expression}"
            for expression, selector in asked
            if not any(
                selector.equals.items() <= labels.items()
                and selector.labels <= labels.keys() | FROM_SCRAPE | FROM_HISTOGRAM
                for series in exported
                for labels in series.get(selector.metric, [])
            )
        ]

    async def none_missing() -> bool:
        return not await missing()

    # The lag is asked for every two seconds, and the SDK shows its own once the worker polls.
    try:
        await wait_until(none_missing, timeout_s=15)
    except TimeoutError:
        assert await missing() == []


@pytest.mark.parametrize("variable", DASHBOARD["templating"]["list"][1:], ids=lambda each: each["name"])
async def test_every_choice_of_the_dashboard_has_something_to_choose(
    running: Process, variable: dict[str, Any]
) -> None:
    found = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["query"]["query"])
    assert found is not None
    worker, ingress = await running.worker.series(), await running.ingress.series()
    labels = worker.get(found[1], []) + ingress.get(found[1], [])
    assert labels
    assert found[2] in FROM_SCRAPE or found[2] in labels[0]


def test_the_dashboard_is_what_its_script_writes() -> None:
    script = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['rendered']())"
    written = subprocess.run(
        [sys.executable, "-c", script, str(FOLDER / "dashboard.py")], check=True, capture_output=True, text=True
    )
    assert (FOLDER / "dashboard.json").read_text() == written.stdout, "run dashboard.py and commit dashboard.json"
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    assert all(panel["description"] and panel["targets"] for panel in DASHBOARD["panels"] if panel["type"] != "row")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert all(rule["annotations"][name] for name in ("summary", "description", "action"))
    assert f"\n### {rule['alert']}\n" in (FOLDER / "README.md").read_text()
    parsed = promql_parser.parse(rule["expr"])
    assert isinstance(parsed, promql_parser.BinaryExpr), "without a comparison it would always fire"
    # What the texts show must survive the aggregation.
    shown = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
    grouped = set[str]().union(*(selector.labels for selector in selectors(rule["expr"])))
    assert shown <= grouped


async def test_logs_name_event_and_workflow(running: Process) -> None:
    event = OrderFulfillmentEvent()
    event.meta.idempotency_key = "e-1"
    event.meta.schema_version = 1
    event.meta.key.tenant_id, event.meta.key.order_id = "t", "o-1"
    event.order_placed.order_id = "o-1"
    await running.producer.send_and_wait("orders", event.SerializeToString())
    await running.producer.send_and_wait("orders", b"\xff")

    def said(text: str) -> list[dict[str, Any]]:
        return [line for line in running.ingress.lines() if line["event"] == text]

    async def both() -> bool:
        return bool(said("event accepted") and said("dead letter"))

    await wait_until(both, timeout_s=30)
    (accepted,) = said("event accepted")
    assert (accepted["level"], accepted["outcome"]) == ("debug", "started")
    assert accepted["event_id"] == "e-1"
    assert accepted["workflow_id"].endswith("/t/o-1")
    assert accepted["run_id"]
    (dead,) = said("dead letter")
    assert (dead["level"], dead["reason"], dead["outcome"]) == ("warning", "undecodable", "dead_letter")
    assert (dead["partition"], dead["position"]) == ("orders/0", 1)
    for line in running.ingress.lines():
        assert (line["process"], line["program"]) == (CONTRACT.name, "ingress")
    for line in running.worker.lines():
        assert (line["process"], line["program"]) == (CONTRACT.name, "worker")
    series = await running.ingress.series()
    assert {"subscription": CONTRACT.subscriptions[0].name, "reason": "undecodable"} in series[
        "ameide_ingress_dead_letters_total"
    ]

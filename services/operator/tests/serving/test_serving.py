"""What Prometheus and the kubelet get from the operator."""

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from ameide_operator.reconciling import ResourceKey
from ameide_operator.serving import HttpServer, ListenError, OperatorMetrics

CHART = Path(__file__).parents[2] / "chart"
KEY = ResourceKey("shop", "orders")


def body(*conditions: tuple[str, str, str]) -> dict[str, Any]:
    status = {"conditions": [{"type": name, "status": state, "reason": reason} for name, state, reason in conditions]}
    return {"metadata": {"namespace": "shop", "name": "orders"}, "status": status}


async def page(bodies: Sequence[dict[str, Any]], path: str = "/metrics") -> str:
    metrics = OperatorMetrics(lambda: bodies, lambda: 3)

    async def work(key: ResourceKey) -> float | None:
        if key != KEY:
            raise RuntimeError(str(key))
        return 7.0

    assert await metrics.measured(work)(KEY) == 7.0
    with pytest.raises(RuntimeError):
        await metrics.measured(work)(ResourceKey("shop", "other"))
    async with (
        HttpServer("127.0.0.1", 0, metrics=metrics.render) as server,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{server.port}{path}") as response,
    ):
        assert response.status == 200
        return await response.text()


async def test_each_condition_of_a_resource_is_shown_with_its_reason():
    shown = await page([body(("Ready", "False", "SecretMissing"), ("TemporalReady", "True", "Available"))])
    labels = 'condition="{}",namespace="shop",process="orders",reason="{}"'
    assert f"ameide_process_condition{{{labels.format('Ready', 'SecretMissing')}}} 0.0" in shown
    assert f"ameide_process_condition{{{labels.format('TemporalReady', 'Available')}}} 1.0" in shown


async def test_passes_are_counted_and_a_resource_without_status_does_no_harm():
    shown = await page([{"metadata": {"namespace": "shop", "name": "new"}}])
    assert 'ameide_operator_reconciles_total{result="done"} 1.0' in shown
    assert 'ameide_operator_reconciles_total{result="failed"} 1.0' in shown
    assert "ameide_operator_waiting_resources 3.0" in shown


async def test_the_kubelet_learns_that_it_is_up():
    assert '"up"' in await page([], "/healthz")


async def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with HttpServer("127.0.0.1", port, metrics=bytes):
                pass


async def test_the_operator_s_alerts_name_metrics_that_it_has():
    shown = await page([body(("Ready", "False", "SecretMissing"), ("SecretsReady", "True", "CertificateExpiring"))])
    rules = yaml.safe_load((CHART / "files" / "rules" / "operator.yaml").read_text())["groups"][0]["rules"]
    for rule in rules:
        for name in re.findall(r"ameide_\w+", rule["expr"]):
            assert f"\n{name}{{" in shown, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description", "action"}

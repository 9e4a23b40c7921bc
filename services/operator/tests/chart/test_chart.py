"""The Helm chart as an administrator installs it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ameide_devstack import Kubernetes, helm_binary
from ameide_devstack.testing import wait_for
from ameide_operator.crd import process_crd
from ameide_operator.models import HttpEndpoint
from ameide_operator.testing import FakeKubelet, process_resource
from lightkube import KubeConfig

pytestmark = pytest.mark.e2e

OPERATOR = Path(__file__).parents[2]
CHART = OPERATOR / "chart"
KUBECTL = Path(sys.executable).with_name("kubectl")
NAME = "rel-ameide-operator"
NAMESPACE = "operators"
WATCHED = "orders"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"

Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
async def helm() -> Helm:
    binary = await helm_binary()

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )

    return run


def rendered(helm: Helm, *options: str) -> list[dict[str, Any]]:
    done = helm("template", "rel", str(CHART), "--namespace", NAMESPACE, *options)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def of_kind(objects: Sequence[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def rules() -> list[dict[str, Any]]:
    return yaml.safe_load((OPERATOR / "role.yaml").read_text())["rules"]


def test_the_chart_passes_helm_s_own_lint(helm: Helm):
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_grants_what_the_operator_needs_in_one_namespace_and_no_more(helm: Helm):
    objects = rendered(helm, "--set", f"watchNamespace={WATCHED}")
    role = of_kind(objects, "Role")
    assert role["rules"] == rules()
    assert role["metadata"]["namespace"] == of_kind(objects, "RoleBinding")["metadata"]["namespace"] == WATCHED
    assert not [each for each in objects if each["kind"].startswith("Cluster")]
    (container,) = of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"name": "AMEIDE_OPERATOR_NAMESPACE", "value": WATCHED} in container["env"]


def test_cluster_wide_it_grants_the_same_everywhere(helm: Helm):
    objects = rendered(helm, "--set", "clusterWide=true")
    assert of_kind(objects, "ClusterRole")["rules"] == rules()
    (container,) = of_kind(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert "AMEIDE_OPERATOR_NAMESPACE" not in {each["name"] for each in container["env"]}


def test_the_crd_is_that_of_the_models_and_outlives_the_release(helm: Helm):
    crd = of_kind(rendered(helm), "CustomResourceDefinition")
    annotations = crd["metadata"].pop("annotations")
    assert annotations["helm.sh/resource-policy"] == "keep"
    expected = process_crd()
    expected["metadata"].pop("annotations", None)
    assert crd == expected
    assert not [each for each in rendered(helm, "--set", "crd.install=false") if each == crd]


def test_an_image_digest_wins_over_a_tag(helm: Helm):
    digest = "sha256:" + "0" * 64
    options = ("--set", "image.tag=v7", "--set", f"image.digest={digest}")
    (container,) = of_kind(rendered(helm, *options), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"ameide-operator@{digest}"


def test_what_prometheus_and_grafana_need_is_made_on_demand(helm: Helm):
    plain = {each["kind"] for each in rendered(helm)}
    assert not plain & {"ServiceMonitor", "PrometheusRule", "ConfigMap", "NetworkPolicy"}
    apis = ("--api-versions", "monitoring.coreos.com/v1/ServiceMonitor")
    apis += ("--api-versions", "monitoring.coreos.com/v1/PrometheusRule")
    objects = rendered(helm, *apis, "--set", "metrics.dashboards=true")
    assert of_kind(objects, "PrometheusRule")["spec"]["groups"]
    for dashboard in (each for each in objects if each["kind"] == "ConfigMap"):
        for text in dashboard["data"].values():
            assert json.loads(text)["panels"]
    monitor, service = of_kind(objects, "ServiceMonitor"), of_kind(objects, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()


def policy_of_processes(helm: Helm, *options: str) -> dict[str, Any]:
    policies = rendered(helm, "--set", "networkPolicy.enabled=true", *options)
    (found,) = [each for each in policies if each["metadata"]["name"] == f"{NAME}-processes"]
    return found["spec"]


def test_producers_reach_the_ports_of_events_and_only_those_named(helm: Helm):
    plain = policy_of_processes(helm)
    port = HttpEndpoint().port
    assert {"ports": [{"port": port}], "from": [{"namespaceSelector": {}}]} in plain["ingress"]
    peer = {"podSelector": {"matchLabels": {"app": "shop"}}}
    events = {"from": [peer], "ports": [8443, 9000]}
    named = policy_of_processes(helm, "--set-json", f"networkPolicy.events={json.dumps(events)}")
    assert named["ingress"][1:] == [{"ports": [{"port": 8443}, {"port": 9000}], "from": [peer]}]
    nobody = policy_of_processes(helm, "--set-json", "networkPolicy.events.from=[]")
    assert nobody["ingress"] == plain["ingress"][:1]


def test_pods_may_be_asked_in_each_namespace_that_is_named(helm: Helm):
    options = ("--set", "clusterWide=true", "--set", "networkPolicy.enabled=true")

    def policies(*more: str) -> dict[str, Any]:
        made = [each for each in rendered(helm, *options, *more) if each["kind"] == "NetworkPolicy"]
        return {each["metadata"]["namespace"]: each["spec"] for each in made if each["metadata"]["name"] != NAME}

    assert policies() == {}
    named = policies("--set", "networkPolicy.namespaces={orders,billing}")
    assert named == dict.fromkeys(("orders", "billing"), policy_of_processes(helm))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("operator.workers=0", "operator/workers"),
        ("operator.logLevel=LOUD", "operator/logLevel"),
        ("clusterWide=perhaps", "clusterWide"),
        ("watchNamepsace=orders", "watchNamepsace"),
        ("image.digest=latest", "image/digest"),
    ],
)
def test_wrong_values_are_refused_by_name(helm: Helm, setting: str, said: str):
    done = helm("template", "rel", str(CHART), "--set", setting)
    assert done.returncode != 0
    assert said in done.stderr


@pytest.fixture
async def cluster() -> AsyncGenerator[Kubernetes]:
    """One of its own: the CRD is the release's here."""
    async with Kubernetes() as cluster:
        yield cluster


async def test_helm_installs_an_operator_that_works_and_takes_away_what_it_made(
    helm: Helm, cluster: Kubernetes, tmp_path: Path
):
    def kubectl(*arguments: str, content: str | None = None) -> str:
        done = subprocess.run(
            [KUBECTL, "--kubeconfig", cluster.kubeconfig, *arguments],
            input=content,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def run(*arguments: str, content: str | None = None) -> str:
        return await asyncio.to_thread(kubectl, *arguments, content=content)

    for namespace in (NAMESPACE, WATCHED):
        await run("create", "namespace", namespace)
        await run("label", "namespace", namespace, RESTRICTED)
    installed = await asyncio.to_thread(
        helm, "install", "rel", str(CHART), "--namespace", NAMESPACE, "--set", f"watchNamespace={WATCHED}",
        **cluster.environment(),
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    assert f"of namespace {WATCHED}" in installed.stdout

    config = KubeConfig.from_file(cluster.kubeconfig).get()
    assert config is not None
    # The restricted Pod Security Standard lets the chart's pod in.
    await wait_for(lambda: NAME in kubectl("get", "pods", "--namespace", NAMESPACE))
    async with FakeKubelet(config, WATCHED):
        (container,) = json.loads(await run("get", f"deployment/{NAME}", "--namespace", NAMESPACE, "-o", "json"))[
            "spec"
        ]["template"]["spec"]["containers"]
        token = (await run("create", "token", NAME, "--namespace", NAMESPACE)).strip()
        cluster.write_kubeconfig(tmp_path / "kubeconfig", token=token, namespace=NAMESPACE)
        environment = {each["name"]: each["value"] for each in container["env"]}
        environment |= {"KUBECONFIG": str(tmp_path / "kubeconfig"), "AMEIDE_OPERATOR_HTTP_PORT": "0"}
        operator = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ameide_operator", *container["args"], env={**os.environ, **environment}
        )
        try:
            resource = process_resource("orders", namespace=WATCHED)
            await run("apply", "-f", "-", content=json.dumps(resource))
            await run(
                "wait", "process/orders", "--namespace", WATCHED, "--for=condition=WorkloadReady", "--timeout=60s"
            )
        finally:
            operator.terminate()
            await operator.wait()

    removed = await asyncio.to_thread(helm, "uninstall", "rel", "--namespace", NAMESPACE, **cluster.environment())
    assert removed.returncode == 0, removed.stderr
    assert "orders" in await run("get", "processes", "--namespace", WATCHED)
    await wait_for(lambda: NAME not in kubectl("get", "deployments,roles,rolebindings,serviceaccounts", "-A"))

"""The three programs of a Kubernetes control plane, one process each; `_kubernetes` puts them together."""

import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import aiohttp

from ameide_devstack._certificates import KeyPair
from ameide_devstack._kubernetes_binaries import kubernetes_binary
from ameide_devstack._loopback_ports import LOOPBACK
from ameide_devstack._server import Server

# Without the endpointslice-controller: pods here have loopback addresses, which an EndpointSlice refuses, and it would
# try again for ever, with an Event each time.
_CONTROLLERS: Final = (
    "clusterrole-aggregation-controller",  # fills the roles view, edit and admin
    "deployment-controller",
    "disruption-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "replicaset-controller",
    "serviceaccount-controller",
)
# Their defaults (20 requests a second, 5 Deployments at once) would be what a load test measures.
_CONTROLLER_PACE: Final = (
    "--kube-api-qps=1000",
    "--kube-api-burst=2000",
    "--concurrent-deployment-syncs=20",
    "--concurrent-replicaset-syncs=20",
)
_READS: Final = ["get", "list", "watch"]
# Every request of a service account, and of others every one that may change something, when it is answered, without
# bodies: what an operator reads can be counted, and what tests look at does not drown it.
_AUDIT_POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
        {"level": "None", "verbs": _READS},
        {"level": "Metadata"},
    ],
}


class Etcd(Server):
    """The database of a control plane; what it acknowledged survives `kill` and `restart`, not a power cut."""

    name = "etcd"

    def __init__(self, *, data_dir: Path) -> None:
        super().__init__(data_dir=data_dir, ports={"client": None, "peer": None})

    @property
    def address(self) -> str:
        """URL for clients."""
        return f"http://{LOOPBACK}:{self.port('client')}"

    async def _command(self) -> Sequence[str]:
        peer = f"http://{LOOPBACK}:{self.port('peer')}"
        return [
            str(await kubernetes_binary("etcd")),
            f"--data-dir={self.data_dir / 'members'}",
            f"--listen-client-urls={self.address}",
            f"--advertise-client-urls={self.address}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    async def _why_not_ready(self) -> str | None:
        return await _why_not_ok(f"{self.address}/health", tls=False)


class KubeApiServer(Server):
    """`kube-apiserver` with RBAC, tokens from a file, and real tokens for service accounts.

    Args:
        etcd: Where it keeps everything.
        certificate: What it shows to clients.
        tokens: CSV file of `token,user,uid,"group,…"`.
        account_key: PEM file of the RSA key that signs tokens of service accounts.
        port: Port of the API; None leases a free one.
        data_dir: Where its log lies.
        authority: Certificate that the probe of readiness trusts.
    """

    name = "kube-apiserver"
    start_timeout_s = 120.0  # 3 s on an idle machine

    def __init__(
        self,
        *,
        etcd: Etcd,
        certificate: KeyPair,
        tokens: Path,
        account_key: Path,
        authority: Path,
        port: int | None,
        data_dir: Path,
    ) -> None:
        super().__init__(data_dir=data_dir, ports={"api": port})
        self._etcd = etcd
        self._certificate = certificate
        self._tokens = tokens
        self._account_key = account_key
        self._authority = authority

    @property
    def address(self) -> str:
        """URL of the API."""
        return f"https://{LOOPBACK}:{self.port('api')}"

    @property
    def audit_log_path(self) -> Path:
        """One JSON object (audit.k8s.io/v1 Event) a line for each answered request, see `requests`."""
        return self.data_dir / "audit.log"

    def requests(self) -> list[dict[str, Any]]:
        """Events of the audit log so far, oldest first; of reads, those of service accounts only."""
        return [json.loads(line) for line in self.audit_log_path.read_text().splitlines()]

    def writes(self) -> list[dict[str, Any]]:
        """Events of requests that may change something, oldest first: who changed what, or tried to."""
        return [each for each in self.requests() if each["verb"] not in _READS]

    async def _command(self) -> Sequence[str]:
        policy = self.data_dir / "audit-policy.json"
        policy.write_text(json.dumps(_AUDIT_POLICY))
        return [
            str(await kubernetes_binary("kube-apiserver")),
            f"--etcd-servers={self._etcd.address}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",
            f"--secure-port={self.port('api')}",
            f"--tls-cert-file={self._certificate.certificate}",
            f"--tls-private-key-file={self._certificate.key}",
            f"--cert-dir={self.data_dir}",
            # Endpoints may not be loopback addresses; nothing here reaches the API by its Service.
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._account_key}",
            f"--service-account-signing-key-file={self._account_key}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._tokens}",
            # It refuses pods until the account of their namespace is there, and mounts tokens that nobody reads here.
            "--disable-admission-plugins=ServiceAccount",
            "--allow-privileged=true",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log_path}",
            "--max-requests-inflight=2000",
            "--max-mutating-requests-inflight=1000",
        ]

    async def _why_not_ready(self) -> str | None:
        return await _why_not_ok(f"{self.address}/readyz", tls=ssl.create_default_context(cafile=self._authority))


class KubeControllerManager(Server):
    """`kube-controller-manager` with the controllers that turn Deployments into pods and collect what has no owner.

    Args:
        kubeconfig: How it reaches the API, as an administrator.
        data_dir: Where its log lies.
    """

    name = "kube-controller-manager"

    def __init__(self, *, kubeconfig: Path, data_dir: Path) -> None:
        super().__init__(data_dir=data_dir, ports={"health": None})
        self._kubeconfig = kubeconfig

    async def _command(self) -> Sequence[str]:
        return [
            str(await kubernetes_binary("kube-controller-manager")),
            f"--kubeconfig={self._kubeconfig}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self.port('health')}",
            "--leader-elect=false",
            "--use-service-account-credentials=false",
            f"--controllers={','.join(_CONTROLLERS)}",
            *_CONTROLLER_PACE,
        ]

    async def _why_not_ready(self) -> str | None:
        # Its certificate is its own, made at start; only its word that it is up is wanted.
        return await _why_not_ok(f"https://{LOOPBACK}:{self.port('health')}/healthz", tls=False)


async def _why_not_ok(url: str, *, tls: ssl.SSLContext | bool) -> str | None:
    try:
        async with aiohttp.ClientSession() as session, session.get(url, ssl=tls) as response:
            return None if response.status == 200 else await response.text()
    except aiohttp.ClientError as error:
        return f"does not answer: {error}"

"""A Kubernetes control plane without nodes: what an operator talks to, and nothing that would run a pod."""

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ameide_devstack._certificates import CertificateAuthority
from ameide_devstack._kubernetes_servers import Etcd, KubeApiServer, KubeControllerManager
from ameide_devstack._loopback_ports import LOOPBACK

_ACCOUNT_KEY_BITS: Final = 2048


class Kubernetes:
    """API server, controller manager and etcd, as an async context manager.

    There is no scheduler and no kubelet: pods are made and stay Pending until a test patches their status.

    Args:
        port: Port of the API; None leases a free one.
        data_dir: Where state, logs and the kubeconfig lie; None makes a temporary folder, deleted by `close`.

    Attributes:
        data_dir: That folder.
        kubeconfig: File that lets kubectl and clients in as an administrator; it is there before the server runs.
        etcd: The database; `pause` it to let the API hang.
        apiserver: The API server; `kill` and `start` it to take the API away and give it back.
        controller_manager: What makes pods of Deployments, and deletes what lost its owner.
    """

    name: str = "kubernetes"

    def __init__(self, *, port: int | None = None, data_dir: Path | None = None) -> None:
        self.data_dir: Final = Path(tempfile.mkdtemp(prefix="kubernetes-")) if data_dir is None else data_dir.absolute()
        self._owns_data_dir = data_dir is None
        pki = self.data_dir / "pki"
        self._authority = CertificateAuthority(pki)
        self.etcd: Final = Etcd(data_dir=self.data_dir / "etcd")
        self.apiserver: Final = KubeApiServer(
            etcd=self.etcd,
            certificate=self._authority.issue_server("apiserver", hosts=[LOOPBACK, "localhost"]),
            tokens=pki / "tokens.csv",
            account_key=_account_key(pki / "service-accounts.key"),
            authority=self._authority.certificate,
            port=port,
            data_dir=self.data_dir / "apiserver",
        )
        token = secrets.token_urlsafe(32)
        _private(pki / "tokens.csv", f'{token},administrator,administrator,"system:masters"\n')
        self.kubeconfig: Final = self.data_dir / "kubeconfig"
        self.write_kubeconfig(self.kubeconfig, token=token)
        self.controller_manager: Final = KubeControllerManager(
            kubeconfig=self.kubeconfig, data_dir=self.data_dir / "controller-manager"
        )
        self._servers = (self.etcd, self.apiserver, self.controller_manager)

    @property
    def address(self) -> str:
        """URL of the API."""
        return self.apiserver.address

    @property
    def pid(self) -> int:
        """Process id of the API server.

        Raises:
            RuntimeError: It is not running.
        """
        return self.apiserver.pid

    @property
    def log_path(self) -> Path:
        """What the API server wrote, over all its starts."""
        return self.apiserver.log_path

    def environment(self) -> dict[str, str]:
        """Return the variable by which kubectl and clients find the kubeconfig."""
        return {"KUBECONFIG": str(self.kubeconfig)}

    def write_kubeconfig(self, path: Path, *, token: str, namespace: str = "default") -> None:
        """Write a kubeconfig, for example for the token of a service account.

        Args:
            path: File to write; only this user may read it.
            token: Bearer token of whom the file lets in.
            namespace: Where commands without a namespace work.
        """
        _private(path, json.dumps(self._kubeconfig(token, namespace), indent=2))  # JSON is YAML

    async def start(self) -> None:
        """Start the three programs and return when they are ready; those that run already stay.

        Raises:
            PortTakenError: Somebody else listens on one of the ports.
            ServerStartError: One exited, or was not ready in time.
            AssetsMissingError: KUBEBUILDER_ASSETS names a folder without the binaries.
            ToolMissingError: They must be built, and Go is not on PATH.
            BuildError: The build failed.
        """
        for server in self._servers:
            if not server.running:
                await server.start()

    async def stop(self) -> None:
        """Ask the programs to end, the last started first."""
        for server in reversed(self._servers):
            await server.stop()

    async def wait_for_exit(self) -> None:
        """Wait until the API server ends.

        Raises:
            ServerExitError: It ended by itself.
            RuntimeError: It was not started, or was stopped.
        """
        await self.apiserver.wait_for_exit()

    async def close(self) -> None:
        """End the programs, give their ports back and delete the data where it was temporary."""
        for server in reversed(self._servers):
            if self._owns_data_dir:
                await server.kill()  # its data goes anyway
            await server.close()
        if self._owns_data_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _kubeconfig(self, token: str, namespace: str) -> Mapping[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": self.name,
                    "cluster": {
                        "server": self.address,
                        "certificate-authority": str(self._authority.certificate),
                    },
                }
            ],
            "users": [{"name": self.name, "user": {"token": token}}],
            "contexts": [
                {"name": self.name, "context": {"cluster": self.name, "user": self.name, "namespace": namespace}}
            ],
            "current-context": self.name,
        }


def _account_key(path: Path) -> Path:
    """Keep the key of a folder that is used again, so that its tokens stay good."""
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=_ACCOUNT_KEY_BITS)
        _private(
            path,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            ).decode(),
        )
    return path


def _private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)

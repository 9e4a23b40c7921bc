"""The binaries of a Kubernetes control plane: those that `KUBEBUILDER_ASSETS` names, or our own builds."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Final

from ameide_devstack._build_cache import Build, built
from ameide_devstack._errors import AssetsMissingError

KUBERNETES_VERSION: Final = "1.37.2"
ETCD_VERSION: Final = "3.7.0"
ASSETS_VARIABLE: Final = "KUBEBUILDER_ASSETS"
"""Folder with the binaries, as the tools of kubebuilder name it (`setup-envtest use --print path`)."""

_MODULE: Final = files("ameide_devstack").joinpath("kubernetes")
_INPUTS: Final = {name: _MODULE.joinpath(name).read_bytes() for name in ("go.mod", "go.sum")}
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")
# A Kubernetes binary that is not told its version says v0.0.0, and clients that look at it misbehave.
_STAMPS: Final = {"gitVersion": f"v{KUBERNETES_VERSION}", "gitMajor": _MAJOR, "gitMinor": _MINOR}
_LDFLAGS: Final = " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{key}={_STAMPS[key]}" for key in _STAMPS)])
# What every folder of assets has; setup-envtest leaves out the controller manager, which is then built.
_ALWAYS_IN_ASSETS: Final = ("etcd", "kube-apiserver")


def _build(binary: str, package: str, *, version: str, duration: str) -> Build:
    return Build(
        name=f"{binary}-{version}",
        inputs=_INPUTS,
        command=("go", "build", "-trimpath", "-ldflags", _LDFLAGS, "-o", f"out/{binary}", package),
        environment={"CGO_ENABLED": "0"},
        duration=duration,
        install="install Go 1.26.0 or newer (https://go.dev/dl)",
    )


KUBERNETES_BUILDS: Final = {
    "etcd": _build("etcd", "go.etcd.io/etcd/server/v3", version=ETCD_VERSION, duration="1 to 2 minutes on two cores"),
    "kube-apiserver": _build(
        "kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        version=KUBERNETES_VERSION,
        duration="4 to 8 minutes on two cores",
    ),
    "kube-controller-manager": _build(
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        version=KUBERNETES_VERSION,
        duration="1 to 3 minutes on two cores, after kube-apiserver",
    ),
}
"""One build a binary, from one module, so that they agree on every dependency."""


async def kubernetes_binary(name: str) -> Path:
    """Return the path of `etcd`, `kube-apiserver` or `kube-controller-manager`.

    Raises:
        AssetsMissingError: KUBEBUILDER_ASSETS is set, and its folder lacks what every such folder has.
        ToolMissingError: It must be built, and Go is not on PATH.
        BuildError: The build failed.
    """
    return _asset(name) or await built(KUBERNETES_BUILDS[name]) / name


def _asset(name: str) -> Path | None:
    configured = os.environ.get(ASSETS_VARIABLE)
    if not configured:
        return None
    folder = Path(configured).absolute()
    missing = [binary for binary in _ALWAYS_IN_ASSETS if not os.access(folder / binary, os.X_OK)]
    if missing:
        raise AssetsMissingError(ASSETS_VARIABLE, folder, missing)
    return folder / name if os.access(folder / name, os.X_OK) else None

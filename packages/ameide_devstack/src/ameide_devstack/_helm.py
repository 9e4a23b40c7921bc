"""Helm, as operators are installed by it: our own build, once a machine."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from ameide_devstack._build_cache import Build, built

HELM_VERSION: Final = "4.3.1"

_MODULE: Final = files("ameide_devstack").joinpath("helm")

HELM_BUILD: Final = Build(
    name=f"helm-{HELM_VERSION}",
    inputs={name: _MODULE.joinpath(name).read_bytes() for name in ("go.mod", "go.sum")},
    command=("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "out/helm", "helm.sh/helm/v4/cmd/helm"),
    environment={"CGO_ENABLED": "0"},
    duration="1.5 to 4 minutes on two cores",
    install="install Go 1.26.0 or newer (https://go.dev/dl)",
)


async def helm_binary() -> Path:
    """Return the path of `helm`.

    Raises:
        ToolMissingError: It must be built, and Go is not on PATH.
        BuildError: The build failed.
    """
    return await built(HELM_BUILD) / "helm"

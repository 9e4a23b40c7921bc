"""Builds of a worker: each has a Deployment of its own, since workflows stay with the build that they began on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ameide_operator.bodies import mapping_at
from ameide_operator.models import GROUP, ProcessSpec
from ameide_operator.planning._names import Component, Owner, child_name, selector_labels, shortened

BUILD_LABEL: Final = f"{GROUP}/build"
"""Hash of the build id, which may be no label itself."""

BUILD_ID: Final = f"{GROUP}/build-id"
BUILD_IMAGE: Final = f"{GROUP}/image"
"""Annotations of the Deployment of a build and of its PodDisruptionBudget: the build is planned by them when spec
speaks of another one already, and by those of the budget where somebody has deleted the Deployment."""

_HASH_LENGTH: Final = 10


@dataclass(frozen=True, slots=True)
class Build:
    """A build of the worker."""

    build_id: str
    image: str
    serves: bool = True
    """Whether it gets new work; one that does not keeps at least one pod for the workflows that stay with it."""

    @property
    def label(self) -> str:
        """Value of its label."""
        return hashlib.sha256(self.build_id.encode()).hexdigest()[:_HASH_LENGTH]


def deployment_name(owner: Owner) -> str:
    """Name of the Worker Deployment of a resource in Temporal."""
    return f"{owner.namespace}/{owner.name}"


def wanted_build(spec: ProcessSpec) -> Build | None:
    """The build that spec names; None where the worker is unversioned."""
    build_id = spec.build_id()
    return Build(build_id, spec.image.worker) if build_id else None


def build_annotations(build: Build) -> dict[str, str]:
    """What tells later of which build an object is."""
    return {BUILD_ID: build.build_id, BUILD_IMAGE: build.image}


def build_of(body: Mapping[str, Any]) -> Build | None:
    """The build of a live Deployment or budget; None where it has none, as one of an unversioned worker."""
    annotations = mapping_at(body, "metadata", "annotations")
    if BUILD_ID not in annotations or BUILD_IMAGE not in annotations:
        return None
    return Build(annotations[BUILD_ID], annotations[BUILD_IMAGE])


def workload_name(owner: Owner, component: Component, build: Build | None) -> str:
    """Name of the Deployment of a workload, or of one of its builds."""
    return child_name(owner, component) if build is None else shortened(f"{owner.name}-{component.value}-{build.label}")


def workload_selector(owner: Owner, component: Component, build: Build | None) -> dict[str, str]:
    """Labels that tell its pods from all others; they never change."""
    return selector_labels(owner, component) | ({BUILD_LABEL: build.label} if build else {})

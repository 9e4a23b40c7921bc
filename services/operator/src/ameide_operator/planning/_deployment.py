"""The Deployment of a workload."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ameide_operator.models import GROUP, Images, PodTemplate, ProcessSpec, Workload
from ameide_operator.planning._bindings import CONFIG_FOLDER, SECRETS_FOLDER, SecretKeys
from ameide_operator.planning._builds import Build, build_annotations, workload_name, workload_selector
from ameide_operator.planning._environment import HTTP_PORT, environment
from ameide_operator.planning._events import container_ports
from ameide_operator.planning._names import (
    Component,
    Owner,
    child_name,
    common_labels,
    shortened,
)
from ameide_operator.planning._secret_uses import secret_uses

CONFIG_HASH: Final = f"{GROUP}/config-hash"
SECRETS_HASH: Final = f"{GROUP}/secrets-hash"
"""Annotations of the pod template: a change of what is mounted rolls the pods, at the Deployment's pace."""

_OUR_PREFIXES: Final = (f"{GROUP}/", "app.kubernetes.io/")
_REVISION_HISTORY: Final = 3
_HASH_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class Mounted:
    """What the pods of a workload get to see beside their image."""

    keys: SecretKeys
    """Keys of each Secret."""
    digests: Mapping[str, str]
    """Digest of the content of each Secret."""
    config: Mapping[str, str]
    """Content of the workload's ConfigMap."""
    account: str
    """Name of the operator's ServiceAccount for the pods."""


def deployment(
    spec: ProcessSpec,
    owner: Owner,
    component: Component,
    *,
    mounted: Mounted,
    replicas: int | None,
    build: Build | None = None,
) -> dict[str, Any]:
    """The Deployment of a workload, or of one of its builds.

    Args:
        spec: What is wanted.
        owner: The resource.
        component: Which workload.
        mounted: What the pods get to see.
        replicas: Number of pods; None leaves the field to others.
        build: The build; None where the workload is unversioned.
    """
    selector = workload_selector(owner, component, build)
    labels = common_labels(owner, spec.process.name) | selector
    desired: dict[str, Any] = {
        "selector": {"matchLabels": selector},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": _REVISION_HISTORY,
        "template": _pod_template(spec, owner, component, labels=labels, seen=mounted, build=build),
    }
    if replicas is not None:
        desired["replicas"] = replicas
    metadata: dict[str, Any] = {"name": workload_name(owner, component, build), "labels": labels}
    if build is not None:
        metadata["annotations"] = build_annotations(build)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": desired}


def _pod_template(
    spec: ProcessSpec, owner: Owner, component: Component, *, labels: dict[str, str], seen: Mounted, build: Build | None
) -> dict[str, Any]:
    workload = _workload(spec, component)
    template = workload.pod_template or PodTemplate()
    used = sorted({use.secret for use in secret_uses(spec) if component in use.components})
    mounted = sorted({use.secret for use in secret_uses(spec) if component in use.components and use.mounted})
    theirs = {key: value for key, value in (template.labels or {}).items() if not key.startswith(_OUR_PREFIXES)}
    annotations = {
        **{key: value for key, value in (template.annotations or {}).items() if not key.startswith(_OUR_PREFIXES)},
        CONFIG_HASH: _hash(dict(seen.config)),
    }
    if used:
        annotations[SECRETS_HASH] = _hash({name: seen.digests.get(name, "") for name in used})
    pod: dict[str, Any] = {
        "serviceAccountName": template.service_account_name or seen.account,
        # The programs never call the Kubernetes API.
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": workload.termination_grace_period_seconds,
        "securityContext": _pod_security(template),
        "containers": [
            _container(
                spec,
                component,
                image=build.image if build else image_of(spec.image, component),
                env=environment(spec, owner, component, seen.keys, build),
                mounted=mounted,
            )
        ],
        "volumes": [
            {"name": "config", "configMap": {"name": child_name(owner, component)}},
            {"name": "tmp", "emptyDir": {}},
            *({"name": _volume(name), "secret": {"secretName": name}} for name in mounted),
        ],
    }
    pod |= _placement(template)
    if spec.image.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in spec.image.pull_secrets]
    return {"metadata": {"labels": theirs | labels, "annotations": annotations}, "spec": pod}


def _container(
    spec: ProcessSpec, component: Component, *, image: str, env: list[dict[str, Any]], mounted: list[str]
) -> dict[str, Any]:
    workload = _workload(spec, component)
    container: dict[str, Any] = {
        "name": component.value,
        "image": image,
        "env": env,
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            *container_ports(spec, component),
        ],
        # A main that loads a large impl may take a minute on a busy node.
        "startupProbe": _probe("/healthz", period=2, failures=60),
        "livenessProbe": _probe("/healthz", period=10, failures=6),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        # What a program says when it ends for a reason that its operator must know.
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 # the pod's own
            *({"name": _volume(name), "mountPath": f"{SECRETS_FOLDER}/{name}", "readOnly": True} for name in mounted),
        ],
    }
    if spec.image.pull_policy:
        container["imagePullPolicy"] = spec.image.pull_policy
    if workload.resources:
        container["resources"] = workload.resources.model_dump(by_alias=True, exclude_none=True)
    return container


def _workload(spec: ProcessSpec, component: Component) -> Workload:
    return spec.ingress if component is Component.INGRESS and spec.ingress else spec.worker


def image_of(images: Images, component: Component) -> str:
    """Image of a workload; empty where it has none."""
    return (images.ingress or "") if component is Component.INGRESS else images.worker


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http", "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _pod_security(template: PodTemplate) -> dict[str, Any]:
    theirs = template.security_context.model_dump(by_alias=True, exclude_none=True) if template.security_context else {}
    return {**theirs, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def _placement(template: PodTemplate) -> dict[str, Any]:
    fields = {
        "nodeSelector": template.node_selector,
        "tolerations": [each.model_dump(by_alias=True, exclude_none=True) for each in template.tolerations or ()],
        "affinity": template.affinity,
        "topologySpreadConstraints": template.topology_spread_constraints,
        "priorityClassName": template.priority_class_name,
    }
    return {key: value for key, value in fields.items() if value}


def _volume(secret: str) -> str:
    """A volume's name is a label; a Secret's may have dots and be longer."""
    plain = f"secret-{secret}"
    # The hash keeps a.b and a-b apart.
    return shortened(plain if "." not in secret else f"{plain.replace('.', '-')}-{_hash(secret)[:8]}")


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:_HASH_LENGTH]

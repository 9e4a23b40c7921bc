"""An ingress whose every subscription is one that INGRESS_CONFIG binds."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ameide_process.configuration import IngressConfiguration, load_ingress_configuration
from ameide_process.contract import ProcessContract, Subscription, WorkflowKind
from temporalio.common import VersioningBehavior, WorkflowIDReusePolicy

CONTRACT = ProcessContract(
    name="p",
    workflow_type="P",
    default_task_queue="q",
    api_major=1,
    api_minor=2,
    kind=WorkflowKind.ENTITY,
    reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
    versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    dedupe_window=4096,
    cases=(),
    subscriptions=(),
    digest="d",
)
DEAD_LETTER = {"dead-letter": {"kind": "kafka", "bootstrapServers": "b:1", "topic": "dead"}}


def load_bound(
    folder: Path,
    bindings: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, Any] | None = None,
    **variables: str,
) -> IngressConfiguration:
    """Loads what the bindings say, and what OUTPUT_CONFIG says where there is one."""
    subscriptions = tuple(
        Subscription(name=name, kind=settings["kind"], binding_ref=name) for name, settings in bindings.items()
    )
    (folder / "in.yaml").write_text(json.dumps(bindings))
    environ = {"TEMPORAL_ADDRESS": "t:1", "INGRESS_CONFIG": str(folder / "in.yaml"), **variables}
    if outputs is not None:
        (folder / "out.yaml").write_text(json.dumps(outputs))
        environ["OUTPUT_CONFIG"] = str(folder / "out.yaml")
    return load_ingress_configuration(dataclasses.replace(CONTRACT, subscriptions=subscriptions), environ)

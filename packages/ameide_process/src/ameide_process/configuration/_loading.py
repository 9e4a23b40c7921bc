"""From the environment to the typed configuration of a program, or one error that lists everything."""

from collections.abc import Mapping
from dataclasses import dataclass

from ameide_process.configuration._bindings import (
    DEAD_LETTER,
    PROGRESS,
    BoundSubscription,
    OutputSettings,
    read_outputs,
    read_subscriptions,
)
from ameide_process.configuration._concurrency import WorkerConcurrency, read_concurrency
from ameide_process.configuration._environment import (
    HistoryBudget,
    HttpSettings,
    WorkerVersion,
    check_identity,
    read_history_budget,
    read_http,
    read_oldest_unacknowledged,
    read_task_queue,
    read_worker_version,
)
from ameide_process.configuration._loops import add_loops
from ameide_process.configuration._problems import ProblemList
from ameide_process.configuration._shared_consumers import add_shared_consumers
from ameide_process.configuration._temporal import TemporalSettings, read_temporal
from ameide_process.configuration._tracing import TracingSettings, read_tracing
from ameide_process.contract import ProcessContract


@dataclass(frozen=True, slots=True)
class ProgramConfiguration:
    """What worker and ingress share."""

    contract: ProcessContract
    http: HttpSettings
    temporal: TemporalSettings
    task_queue: str
    tracing: TracingSettings | None
    """None: no spans are made."""


@dataclass(frozen=True, slots=True)
class WorkerConfiguration(ProgramConfiguration):
    """Everything that a worker is told from outside."""

    version: WorkerVersion | None
    """None: the worker is unversioned."""
    concurrency: WorkerConcurrency
    outputs: Mapping[str, OutputSettings]
    """Holds `dead-letter` and every stream of the contract."""

    @property
    def dead_letter(self) -> OutputSettings:
        """Where events go that the workflow acknowledged and cannot apply."""
        return self.outputs[DEAD_LETTER]

    @property
    def progress(self) -> OutputSettings | None:
        """Where progress facts go; None: nowhere, and none are emitted."""
        return self.outputs.get(PROGRESS)


@dataclass(frozen=True, slots=True)
class IngressConfiguration(ProgramConfiguration):
    """Everything that an ingress is told from outside."""

    oldest_unacknowledged_seconds: float
    """Age at which an unacknowledged message makes the ingress unready."""
    history_budget: HistoryBudget
    """How much may wait in a workflow that no worker handles."""
    subscriptions: tuple[BoundSubscription, ...]
    outputs: Mapping[str, OutputSettings]
    """Holds the dead-letter output of every subscription that has one."""


def load_worker_configuration(contract: ProcessContract, environ: Mapping[str, str]) -> WorkerConfiguration:
    """Reads and checks everything that a worker is told from outside.

    Raises:
        ContractMismatchError: The deployment is for another process or api major.
        StartupError: Something is missing or wrong; the error lists everything.
    """
    problems = ProblemList()
    check_identity(contract, environ, problems)
    temporal = read_temporal(environ, problems)
    version = read_worker_version(environ, problems)
    concurrency = read_concurrency(environ, problems)
    http = read_http(environ, problems)
    tracing = read_tracing(environ, problems)
    outputs = read_outputs(contract, environ, problems, required=(DEAD_LETTER, *contract.streams))
    problems.raise_if_any()
    assert temporal is not None, "without a problem there are settings"  # noqa: S101 - narrows the type
    return WorkerConfiguration(
        contract=contract,
        http=http,
        temporal=temporal,
        task_queue=read_task_queue(contract, environ),
        tracing=tracing,
        version=version,
        concurrency=concurrency,
        outputs=outputs,
    )


def load_ingress_configuration(contract: ProcessContract, environ: Mapping[str, str]) -> IngressConfiguration:
    """Reads and checks everything that an ingress is told from outside.

    Raises:
        ContractMismatchError: The deployment is for another process or api major.
        StartupError: Something is missing or wrong; the error lists everything.
    """
    problems = ProblemList()
    check_identity(contract, environ, problems)
    temporal = read_temporal(environ, problems)
    http = read_http(environ, problems)
    tracing = read_tracing(environ, problems)
    oldest_unacknowledged = read_oldest_unacknowledged(environ, problems)
    history_budget = read_history_budget(environ, problems)
    if not contract.subscriptions:
        problems.add("INGRESS_CONFIG", "has no use", f"{contract.name} declares no ingress subscription in its proto")
    subscriptions = read_subscriptions(contract, environ, problems, health_port=http.port)
    add_shared_consumers(subscriptions, problems)
    dead_letters = [bound.dead_letter for bound in subscriptions if bound.dead_letter is not None]
    if not subscriptions and any(each.kind != "http" for each in contract.subscriptions):
        # Nothing could be read of them; by default they have one.
        dead_letters = [DEAD_LETTER]
    outputs: Mapping[str, OutputSettings] = {}
    if dead_letters or environ.get("OUTPUT_CONFIG"):
        outputs = read_outputs(contract, environ, problems, required=dead_letters)
    add_loops(subscriptions, outputs, problems)
    problems.raise_if_any()
    assert temporal is not None, "without a problem there are settings"  # noqa: S101 - narrows the type
    return IngressConfiguration(
        contract=contract,
        http=http,
        temporal=temporal,
        task_queue=read_task_queue(contract, environ),
        tracing=tracing,
        oldest_unacknowledged_seconds=oldest_unacknowledged,
        history_budget=history_budget,
        subscriptions=subscriptions,
        outputs=outputs,
    )

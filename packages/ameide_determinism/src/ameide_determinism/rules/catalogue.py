"""The rules, each with what a finding of it says by default."""

from dataclasses import dataclass
from typing import Final

from ameide_determinism.findings import Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: kebab-case; used in `ignore[...]`, configuration and `--explain`.
        severity: A warning fails the check only under `--strict`.
        summary: What is wrong and what to write instead, as the end of a finding's message.
    """

    name: str
    severity: Severity
    summary: str


_ALL: Final = (
    Rule("wall-clock", ERROR, "reads the clock of the machine; use workflow.now() or workflow.time()"),
    Rule("blocking-sleep", ERROR, "blocks the worker and is no timer; use `await workflow.sleep(...)`"),
    Rule("local-time-zone", ERROR, "depends on the time zone of the machine; give a time zone"),
    Rule("randomness", ERROR, "differs on replay; use workflow.random()"),
    Rule("random-uuid", ERROR, "differs on replay; use workflow.uuid4()"),
    Rule("environment", ERROR, "reads the environment of one worker; pass the value as an argument"),
    Rule("process-identity", ERROR, "differs from worker to worker; read it in an activity"),
    Rule("interpreter", WARNING, "differs with the interpreter or the machine; read it in an activity"),
    Rule("locale", ERROR, "depends on the locale of the machine; format with an explicit locale, in an activity"),
    Rule("file-io", ERROR, "reads or writes outside of the workflow; do it in an activity"),
    Rule("directory-order", ERROR, "lists files, in no fixed order; do it in an activity"),
    Rule("network", ERROR, "talks to something outside of the workflow; do it in an activity"),
    Rule("subprocess", ERROR, "runs a program; do it in an activity"),
    Rule("threads", ERROR, "runs code beside the workflow's event loop; use an activity, or asyncio tasks"),
    Rule("event-loop", ERROR, "leaves the workflow's event loop, which Temporal replaces; await instead"),
    Rule("signal-handler", ERROR, "deals with the signals of the worker's process; do it in the worker's main"),
    Rule("set-order", ERROR, "the order of a set differs from worker to worker; use sorted(...)"),
    Rule("protobuf-map-order", ERROR, "the order of a map field differs from worker to worker; use sorted(...)"),
    Rule("hash-value", ERROR, "hash() of text differs from worker to worker; use hashlib"),
    Rule("object-identity", ERROR, "a memory address differs from run to run; compare with `is`, or keep an id"),
    Rule("default-repr", ERROR, "the default text of an object holds its memory address; define __repr__ or __str__"),
    Rule("asyncio-wait", ERROR, "goes through a set, in no fixed order; use the function of temporalio.workflow"),
    Rule("task-group", WARNING, "cancels its tasks in no fixed order when one fails; use asyncio.gather"),
    Rule("dynamic-import", ERROR, "imports while the workflow runs; import at the top of the module"),
    Rule("dynamic-code", ERROR, "runs code that no one can check; write the code out"),
    Rule("computed-attribute", ERROR, "picks an attribute by a computed name; use a dict from names to functions"),
    Rule("global-state", ERROR, "changes what other runs on the same worker see; keep it on the workflow instance"),
    Rule("garbage-collection", ERROR, "depends on when memory is freed; keep what the workflow needs on the instance"),
    Rule("print", ERROR, "prints again at every replay; use workflow.logger"),
    Rule("logging", ERROR, "logs again at every replay; use workflow.logger"),
    Rule("replay-branch", WARNING, "takes another path on replay than at first; only logging may depend on it"),
    Rule("swallowed-cancellation", ERROR, "swallows cancellation, so the workflow cannot be ended; re-raise it"),
    Rule("continue-as-new-in-handler", ERROR, "ends the run from a handler; set a flag that `run` acts on"),
    Rule("query-changes-state", ERROR, "a query or validator must only read; use a signal or an update"),
    Rule("patch-id", ERROR, "the id of a patch is one literal per change, asked once and not in a loop"),
    Rule("entity-sleep", WARNING, "holds Continue-As-New up while it waits; use self.until(..., deadline=...)"),
    Rule("import-policy", ERROR, "an impl module does not import this; use an activity, or configure allow-imports"),
    Rule("invalid-ignore", ERROR, "write `# determinism: ignore[rule] -- reason`"),
    Rule("unused-ignore", WARNING, "nothing is ignored here; remove the comment"),
)

RULES: Final = {rule.name: rule for rule in _ALL}

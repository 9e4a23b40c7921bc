"""Resolves how the workflow id is made: mode, template and prefix."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from protoc_gen_process.diagnostics import Report
from protoc_gen_process.model import IdMode, Literal, Placeholder, Process, Segment, WorkflowIdTemplate, WorkflowKind
from protoc_gen_process.parse.declarations import Declarations, DeclaredWorkflowId, Given
from protoc_gen_process.policies import KIND_DEFAULTS
from protoc_gen_process.proto_types import FieldPath
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.envelope import FoundEnvelope
from protoc_gen_process.validate.field_paths import NoPath, resolve
from protoc_gen_process.validate.id_overlap import pattern_of, shared_id
from protoc_gen_process.validate.id_template import Hole, Text, Unbalanced, merge, split, unseparated
from protoc_gen_process.validate.markers import Markers
from protoc_gen_process.validate.scope import Scope

_PREFIX = re.compile(r"[A-Za-z0-9._~-]+")
_LITERAL = re.compile(r"[A-Za-z0-9._~/:@!$%&()*+,;=|#^?<>\[\]-]+")
"""Printable ASCII without spaces, quotes and backslashes: ids are typed into shells, queries and URLs."""

_NAME = "name"
_PREFIX_PLACEHOLDER = "prefix"


@dataclass(frozen=True, slots=True)
class IdContext:
    """What an id is made of."""

    envelope: FoundEnvelope
    markers: Markers
    kind: WorkflowKind
    name: str
    """Name of the process."""


def check_workflow_id(scope: Scope, context: IdContext) -> WorkflowIdTemplate | None:
    """Checks how the workflow id is made; None where no id can be made."""
    declared = scope.process.workflow_id or DeclaredWorkflowId(scope.process.place, None, None, None)
    mode = _mode(scope, declared, context.kind)
    _check_prefix(scope, declared)
    identifying = _identifying(context)
    if declared.template is None:
        if identifying is None or mode is IdMode.TEMPLATE:
            return None
        return WorkflowIdTemplate(mode, _default_segments(declared.prefix, context.name, identifying))
    segments = _TemplateCheck(scope, context, declared.prefix, declared.template).segments()
    if segments is None:
        return None
    if identifying is not None:
        _check_completeness(scope, declared.template, segments, identifying, context.kind)
    _check_separators(scope, declared.template, segments)
    return WorkflowIdTemplate(IdMode.TEMPLATE, segments)


def check_overlaps(processes: Sequence[Process], declarations: Declarations, report: Report) -> None:
    """Checks that no two processes can make the same workflow id."""
    patterns = [pattern_of(process.workflow_id.segments) for process in processes]
    for (other, other_pattern), (process, pattern) in combinations(zip(processes, patterns, strict=True), 2):
        if process.name == other.name:
            continue  # which is a problem of its own, and this one follows from it
        workflow_id = shared_id(pattern, other_pattern)
        declared = declarations.files[process.source].process
        if workflow_id is not None and declared is not None:
            report.add(
                Rule.WORKFLOW_IDS_OVERLAP,
                (declared.workflow_id or declared).place,
                f"workflow id {workflow_id!r} could be one of process {process.name!r} "
                f"({process.workflow_id.text}) and of process {other.name!r} ({other.workflow_id.text})",
                "begin both templates with {name}/, or with different literal text",
            )


def _mode(scope: Scope, declared: DeclaredWorkflowId, kind: WorkflowKind) -> IdMode:
    """Returns the mode of the id, checked against kind and template."""
    defaults = KIND_DEFAULTS[kind]
    given = declared.mode
    if given is None:
        return IdMode.TEMPLATE if declared.template is not None else defaults.id_mode
    if given.value is IdMode.TEMPLATE:
        if declared.template is None:
            scope.refuse(
                Rule.MODE_WITHOUT_TEMPLATE,
                given.place,
                "mode is MODE_TEMPLATE, but there is no template",
                'add a template, such as "{name}/{meta.key.order_id}", or leave the mode out',
            )
        return given.value
    if given.value is defaults.other_id_mode:
        scope.refuse(
            Rule.MODE_CONTRADICTS_KIND,
            given.place,
            f"mode MODE_{given.value.value} contradicts kind {kind.value}",
            f"leave the mode out: a workflow of this kind is named by MODE_{defaults.id_mode.value}",
        )
    if declared.template is not None:
        scope.refuse(
            Rule.MODE_IGNORES_TEMPLATE,
            given.place,
            f"mode MODE_{given.value.value} makes no use of the template",
            "write mode: MODE_TEMPLATE, or remove the template",
        )
    return given.value


def _check_prefix(scope: Scope, declared: DeclaredWorkflowId) -> None:
    prefix, template = declared.prefix, declared.template
    if prefix is None:
        return
    if not _PREFIX.fullmatch(prefix.value):
        scope.refuse(
            Rule.PREFIX_INVALID,
            prefix.place,
            f"prefix {prefix.value!r} is not one segment of an id",
            "write letters, digits and . _ ~ - only",
        )
        return
    if template is None or f"{{{_PREFIX_PLACEHOLDER}}}" in template.value:
        return
    if template.value.partition("/")[0] != prefix.value:
        scope.refuse(
            Rule.PREFIX_UNUSED,
            prefix.place,
            f"prefix {prefix.value!r} is not part of the template",
            f"begin the template with {prefix.value}/ or {{prefix}}/, or remove the prefix",
        )


def _identifying(context: IdContext) -> tuple[FieldPath, ...] | None:
    """Returns the fields that an id must hold, None where they are missing or wrong."""
    markers = context.markers
    match context.kind:
        case WorkflowKind.ENTITY:
            return markers.key.paths if markers.key is not None else None
        case WorkflowKind.TRANSACTION:
            return (markers.idempotency_key,) if markers.idempotency_key is not None else None


def _default_segments(prefix: Given[str] | None, name: str, paths: Sequence[FieldPath]) -> tuple[Segment, ...]:
    segments: list[Segment] = [Literal(f"{prefix.value}/{name}" if prefix is not None else name)]
    for path in paths:
        segments += [Literal("/"), Placeholder(path)]
    return merge(segments)


@dataclass(frozen=True, slots=True)
class _TemplateCheck:
    """Checks a template, placeholder by placeholder."""

    scope: Scope
    context: IdContext
    prefix: Given[str] | None
    template: Given[str]

    def segments(self) -> tuple[Segment, ...] | None:
        """Returns the template with its constants filled in, None where it cannot be filled."""
        parts = split(self.template.value)
        if isinstance(parts, Unbalanced):
            self._refuse(
                Rule.TEMPLATE_BRACES,
                f"{self.template.value!r} has a {parts.brace} without its partner at character {parts.position + 1}",
                "write placeholders as {name} or {meta.key.order_id}",
            )
            return None
        if not parts:
            self._refuse(Rule.TEMPLATE_EMPTY, "is empty", "write one, or leave it out")
            return None
        if Hole(_NAME) not in parts:
            self._refuse(
                Rule.TEMPLATE_WITHOUT_NAME, "leaves out {name}, so two processes could share one workflow", "add {name}"
            )
        segments = [self._segment(part) for part in parts]
        known = [segment for segment in segments if segment is not None]
        return merge(known) if len(known) == len(segments) else None

    def _refuse(self, rule: Rule, problem: str, remedy: str) -> None:
        self.scope.refuse(rule, self.template.place, f"workflow_id template {problem}", remedy)

    def _segment(self, part: Text | Hole) -> Segment | None:
        match part:
            case Text(text=text):
                return self._literal(text)
            case Hole(name="name"):
                return Literal(self.context.name)
            case Hole(name="prefix"):
                return self._prefix()
            case Hole(name=dotted):
                return self._value(dotted)

    def _literal(self, text: str) -> Literal:
        if not _LITERAL.fullmatch(text):
            self._refuse(
                Rule.TEMPLATE_CHARACTER,
                f"has the literal text {text!r}",
                "write printable ASCII without spaces and quotes",
            )
        return Literal(text)

    def _prefix(self) -> Literal | None:
        if self.prefix is not None:
            return Literal(self.prefix.value)
        self._refuse(
            Rule.PREFIX_MISSING, "has {prefix}, but there is no prefix", 'add prefix: "proc", or remove {prefix}'
        )
        return None

    def _value(self, dotted: str) -> Placeholder | None:
        found = resolve(self.scope, self.context.envelope.message, dotted)
        if isinstance(found, NoPath):
            self._refuse(Rule.TEMPLATE_PLACEHOLDER, f"has {{{dotted}}}, but {found.problem}", found.remedy)
            return None
        self._check_same_in_all_messages(found)
        return Placeholder(found)

    def _check_same_in_all_messages(self, found: FieldPath) -> None:
        """Checks that all messages of a workflow have the same value, and so reach it."""
        markers, is_entity = self.context.markers, self.context.kind is WorkflowKind.ENTITY
        if markers.key is None or markers.idempotency_key is None or found in markers.key.paths:
            return  # the same, or not known
        names_message = found == markers.idempotency_key
        if names_message and not is_entity:
            return
        is_marked = names_message or found == markers.schema_version
        self._refuse(
            Rule.TEMPLATE_SPLITS_KEY,
            f"has {{{found.dotted}}}, which can differ between messages of one {'key' if is_entity else 'request'}, so "
            "they would reach several workflows",
            "remove it" if is_marked else "remove it, or mark the field as a workflow_key",
        )


def _check_completeness(
    scope: Scope,
    template: Given[str],
    segments: tuple[Segment, ...],
    identifying: tuple[FieldPath, ...],
    kind: WorkflowKind,
) -> None:
    present = {segment.path for segment in segments if isinstance(segment, Placeholder)}
    what = "keys" if kind is WorkflowKind.ENTITY else "requests"
    for path in identifying:
        if path not in present:
            scope.refuse(
                Rule.TEMPLATE_WITHOUT_KEY,
                template.place,
                f"workflow_id template leaves out {path.dotted}, so two {what} could share one workflow",
                f"add {{{path.dotted}}}",
            )


def _check_separators(scope: Scope, template: Given[str], segments: tuple[Segment, ...]) -> None:
    pair = unseparated(segments)
    if pair is not None:
        one, other = (f"{{{value.path.dotted}}}" for value in pair)
        scope.refuse(
            Rule.TEMPLATE_SEPARATOR,
            template.place,
            f"workflow_id template has nothing between {one} and {other} that their values cannot contain, so two keys "
            "could share one workflow",
            f"write {one}/{other}",
        )

"""Resolves kind, reuse policy, versioning and dedupe window."""

from protoc_gen_process.model import Policies, ReusePolicy, WorkflowKind
from protoc_gen_process.policies import DEDUPE_WINDOWS, DEFAULT_DEDUPE_WINDOW, DEFAULT_KIND, KIND_DEFAULTS
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.scope import Scope


def kind_of(scope: Scope) -> WorkflowKind:
    """Returns the kind of the process."""
    return scope.process.kind.value if scope.process.kind is not None else DEFAULT_KIND


def check_policies(scope: Scope) -> Policies:
    """Checks the policies against each other, and resolves what is not written."""
    kind = kind_of(scope)
    defaults = KIND_DEFAULTS[kind]
    behavior = scope.process.versioning_behavior
    return Policies(
        kind=kind,
        reuse=_reuse_policy(scope, defaults.reuse),
        conflict=defaults.conflict,
        versioning=behavior.value if behavior is not None else defaults.versioning,
        dedupe_window=_dedupe_window(scope),
    )


def _reuse_policy(scope: Scope, default: ReusePolicy) -> ReusePolicy:
    singleton, given = scope.process.singleton_per_key, scope.process.reuse_policy
    policy = given.value if given is not None else default
    if singleton is not None and singleton.value is not (policy is ReusePolicy.REJECT_DUPLICATE):
        written = "reuse_policy" if given is not None else "the default policy"
        scope.refuse(
            Rule.SINGLETON_CONTRADICTS,
            singleton.place,
            f"singleton_per_key: {str(singleton.value).lower()} contradicts {written} {policy.value}",
            "remove one of them: singleton_per_key: true means REJECT_DUPLICATE"
            if singleton.value
            else "remove it, or choose ALLOW_DUPLICATE_FAILED_ONLY or ALLOW_DUPLICATE as reuse_policy",
        )
    return policy


def _dedupe_window(scope: Scope) -> int:
    given = scope.process.dedupe_window
    if given is None:
        return DEFAULT_DEDUPE_WINDOW
    if given.value not in DEDUPE_WINDOWS:
        scope.refuse(
            Rule.DEDUPE_WINDOW_RANGE,
            given.place,
            f"dedupe_window {given.value} is out of range",
            f"write {DEDUPE_WINDOWS[0]} to {DEDUPE_WINDOWS[-1]}, or leave it out for {DEFAULT_DEDUPE_WINDOW}",
        )
    return given.value

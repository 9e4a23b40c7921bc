"""Resolves the logical subscriptions of the ingress."""

import re

from protoc_gen_process.model import Subscription, Transport
from protoc_gen_process.parse.declarations import DeclaredSubscription, Given
from protoc_gen_process.rules import Rule
from protoc_gen_process.validate.scope import Scope

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A label: names of subscriptions are keys in the `Process` resource and values of metric labels."""
_BINDING = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
"""A key in run-time configuration."""

_TRANSPORTS = ", ".join(transport.value for transport in Transport)


def check_subscriptions(scope: Scope) -> tuple[Subscription, ...]:
    """Checks all subscriptions; returns those that can be resolved."""
    subscriptions: list[Subscription] = []
    names: set[str] = set()
    bindings: dict[str, str] = {}
    for declared in scope.process.ingress:
        transport = _transport(scope, declared)
        name = _name(scope, declared, names)
        if name is None:
            continue
        binding = _binding(scope, declared, declared.binding_ref, name, bindings)
        if transport is not None:
            subscriptions.append(Subscription(name, transport, binding))
    return tuple(subscriptions)


def _name(scope: Scope, declared: DeclaredSubscription, names: set[str]) -> str | None:
    given = declared.name
    if given is None:
        scope.refuse(
            Rule.SUBSCRIPTION_NAME_MISSING,
            declared.place,
            "a subscription has no name",
            'add name: "orders-facts", in kebab-case',
        )
        return None
    if not _NAME.fullmatch(given.value):
        scope.refuse(
            Rule.SUBSCRIPTION_NAME_INVALID,
            given.place,
            f"subscription name {given.value!r} is not a label",
            "write at most 63 lower-case letters, digits and hyphens, such as 'orders-facts'",
        )
    if given.value in names:
        scope.refuse(
            Rule.SUBSCRIPTION_NAME_NOT_UNIQUE,
            given.place,
            f"subscription {given.value!r} is declared twice",
            "give each subscription a name of its own",
        )
        return None
    names.add(given.value)
    return given.value


def _transport(scope: Scope, declared: DeclaredSubscription) -> Transport | None:
    given = declared.kind
    if given is None:
        scope.refuse(
            Rule.SUBSCRIPTION_KIND_MISSING,
            declared.place,
            f"subscription {declared.name.value!r} has no kind" if declared.name else "a subscription has no kind",
            f"add kind, one of {_TRANSPORTS}",
        )
        return None
    try:
        return Transport(given.value)
    except ValueError:
        scope.refuse(
            Rule.SUBSCRIPTION_KIND_UNKNOWN,
            given.place,
            f"subscription kind {given.value!r} is unknown",
            f"write one of {_TRANSPORTS}",
        )
        return None


def _binding(
    scope: Scope, declared: DeclaredSubscription, given: Given[str] | None, name: str, bindings: dict[str, str]
) -> str:
    binding = given.value if given is not None else name
    place = given.place if given is not None else declared.place
    if given is not None and not _BINDING.fullmatch(binding):
        scope.refuse(
            Rule.BINDING_REF_INVALID,
            place,
            f"binding_ref {binding!r} cannot be a key of run-time configuration",
            "write letters, digits and . _ - only, or leave it out for the subscription's name",
        )
    other = bindings.setdefault(binding, name)
    if other != name:
        scope.refuse(
            Rule.BINDING_REF_NOT_UNIQUE,
            place,
            f"subscriptions {other!r} and {name!r} have the same binding {binding!r}, so both would consume one stream",
            "give each a binding of its own, or keep one subscription",
        )
    return binding

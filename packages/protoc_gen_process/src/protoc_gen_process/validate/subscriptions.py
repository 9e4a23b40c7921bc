"""Resolves the logical subscriptions of the ingress."""

import re

from protoc_gen_process.model import Subscription, Transport
from protoc_gen_process.parse.declarations import DeclaredSubscription
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
    for number, declared in enumerate(scope.process.ingress, start=1):
        # Not every compiler tells the places of all entries of a list, so texts say which one is meant.
        shown = f"subscription {declared.name.value!r}" if declared.name else f"subscription {number}"
        transport = _transport(scope, declared, shown)
        name = _name(scope, declared, shown, names)
        binding = _binding(scope, declared, shown, bindings)
        if name is not None and transport is not None and binding is not None:
            subscriptions.append(Subscription(name, transport, binding))
    return tuple(subscriptions)


def _name(scope: Scope, declared: DeclaredSubscription, shown: str, names: set[str]) -> str | None:
    given = declared.name
    if given is None:
        scope.refuse(
            Rule.SUBSCRIPTION_NAME_MISSING,
            declared.place,
            f"{shown} has no name",
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
            f"{shown} is declared twice",
            "give each subscription a name of its own",
        )
        return None
    names.add(given.value)
    return given.value


def _transport(scope: Scope, declared: DeclaredSubscription, shown: str) -> Transport | None:
    given = declared.kind
    if given is None:
        scope.refuse(
            Rule.SUBSCRIPTION_KIND_MISSING,
            declared.place,
            f"{shown} has no kind",
            f"add kind, one of {_TRANSPORTS}",
        )
        return None
    try:
        return Transport(given.value)
    except ValueError:
        scope.refuse(
            Rule.SUBSCRIPTION_KIND_UNKNOWN,
            given.place,
            f"kind {given.value!r} of {shown} is unknown",
            f"write one of {_TRANSPORTS}",
        )
        return None


def _binding(scope: Scope, declared: DeclaredSubscription, shown: str, bindings: dict[str, str]) -> str | None:
    """Returns the binding, None where neither it nor the name that it defaults to is given."""
    given = declared.binding_ref
    binding = given or declared.name
    if binding is None:
        return None
    if given is not None and not _BINDING.fullmatch(given.value):
        scope.refuse(
            Rule.BINDING_REF_INVALID,
            given.place,
            f"binding_ref {given.value!r} of {shown} cannot be a key of run-time configuration",
            "write letters, digits and . _ - only, or leave it out for the subscription's name",
        )
    other = bindings.setdefault(binding.value, shown)
    if other != shown:
        scope.refuse(
            Rule.BINDING_REF_NOT_UNIQUE,
            given.place if given is not None else declared.place,
            f"{other} and {shown} have the same binding {binding.value!r}, so both would consume one stream",
            "give each a binding of its own, or keep one subscription",
        )
    return binding.value

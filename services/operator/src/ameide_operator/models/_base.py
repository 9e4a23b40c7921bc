"""What all models of the resource share: by them resources are read, from them the CRD's schema is derived."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel

VALIDATIONS: Final = "x-kubernetes-validations"
"""Schema keyword that holds CEL rules."""


_PORT: Final = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
HOST_AND_PORT: Final = rf"^[^:/@\s]+:{_PORT}$"
"""Pattern of host:port, without a scheme; the port is one that there can be. CEL would cost too much in long lists."""


class Model(BaseModel):
    """Base of all models: immutable, camelCase keys; a docstring below a field becomes its description in the CRD.

    Unknown keys are ignored: the API server has pruned what the CRD does not know, and a newer CRD may know more.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )


def list_by(*keys: str) -> dict[str, JsonValue]:
    """Schema keywords for a list whose items are told apart by keys, so that managers can own single items."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [*keys]}


def refuse_unless(*rules: tuple[str, str]) -> dict[str, Any]:
    """Schema keywords for CEL rules.

    Args:
        rules: Each an expression that must be true, and the message where it is not.
    """
    return {VALIDATIONS: [{"rule": rule, "message": message} for rule, message in rules]}


def immutable(what: str) -> dict[str, Any]:
    """Schema keywords for a value that may never change."""
    return refuse_unless(
        ("self == oldSelf", f"{what} cannot be changed; delete the resource and create it with the new value")
    )

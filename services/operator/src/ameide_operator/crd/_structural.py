"""Turns a pydantic model into the structural schema that a CRD wants: no references, no null, no titles."""

from typing import Any, cast

from pydantic import BaseModel

from ameide_operator.models import VALIDATIONS


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Schema of a model as a CRD takes it.

    Raises:
        ValueError: A part of the model cannot be said in a structural schema, such as a union of models.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    definitions = cast("dict[str, Any]", schema.pop("$defs", {}))
    return _converted(schema, definitions)


def _converted(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    node = _without_null(node)
    if "$ref" in node:
        target = definitions[cast("str", node["$ref"]).rpartition("/")[2]]
        # What stands beside a reference, such as the field's description, speaks of this place: it wins.
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}, **_joined_rules(target, node)}
    if "anyOf" in node and not node.get("x-kubernetes-int-or-string"):
        raise ValueError(f"a structural schema has no unions: {node!r}")
    if "const" in node:
        node = {**{key: value for key, value in node.items() if key != "const"}, "enum": [node["const"]]}
    result: dict[str, Any] = {}
    for key, value in node.items():
        match key:
            case "title":
                continue
            case "default" if value is None:
                continue
            case "exclusiveMinimum" | "exclusiveMaximum":
                # OpenAPI 3.0 has a flag where JSON Schema has a number.
                result[key.removeprefix("exclusive").lower()] = value
                result[key] = True
            case "properties":
                result[key] = {name: _converted(part, definitions) for name, part in value.items()}
            case "items" | "additionalProperties" if isinstance(value, dict):
                result[key] = _converted(cast("dict[str, Any]", value), definitions)
            case _:
                result[key] = value
    if "description" in result:
        result["description"] = " ".join(cast("str", result["description"]).split())
    return dict(sorted(result.items(), key=_place))


def _place(item: tuple[str, Any]) -> tuple[int, str]:
    """Reads best with the description first and the long parts last."""
    key, _ = item
    order = ("description", "type", "format", "enum", "default", "required", VALIDATIONS, "items", "properties")
    middle = order.index("required")
    place = order.index(key) if key in order else middle
    return (place + 1 if key in order and place >= middle else place, key)


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    """Takes the null out of an optional field: a field that is absent is not null in Kubernetes."""
    options = cast("list[dict[str, Any]]", node.get("anyOf", []))
    rest = [option for option in options if option.get("type") != "null"]
    if len(rest) != 1 or len(rest) == len(options):
        return node
    return {**rest[0], **{key: value for key, value in node.items() if key != "anyOf"}}


def _joined_rules(target: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    key = VALIDATIONS
    rules = [*target.get(key, []), *node.get(key, [])]
    return {key: rules} if rules else {}

"""The schemas of bodies and replies, made from their types and docstrings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Any

import msgspec

from flexmeasures_pms.api.route import AnyOf

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_PARAM = re.compile(r"^:param (\w+): (.+?)(?=^:|\Z)", re.DOTALL | re.MULTILINE)


def reference(body: type | AnyOf) -> Json:
    """Return the schema of a body: a reference if it has a name."""
    if isinstance(body, AnyOf):
        return {"$ref": _REF.format(name=body.name)}
    (found,), _ = msgspec.json.schema_components([body], ref_template=_REF)
    return found


def named(bodies: Iterable[type | AnyOf]) -> Json:
    """Return the schemas that have a name, by name: of classes and :class:`AnyOf`."""
    unions = {body for body in bodies if isinstance(body, AnyOf)}
    types: list[type] = [one for union in unions for one in union.types]
    types += [body for body in bodies if not isinstance(body, AnyOf)]
    _, found = msgspec.json.schema_components(types, ref_template=_REF)
    classes = dict(_classes(types))
    schemas = {name: _described(schema, classes[name]) for name, schema in found.items()}
    return schemas | {union.name: _union(union) for union in unions}


def of_replies(bodies: Iterable[type | AnyOf]) -> Json:
    """Return the schemas of replies, as :func:`named` does: in these, defaults are there too."""
    return {name: _always_there(schema) for name, schema in named(bodies).items()}


def _union(union: AnyOf) -> Json:
    return {
        "description": union.description,
        "anyOf": [reference(one) for one in union.types],
    }


def _classes(types: Iterable[type]) -> Iterator[tuple[str, type]]:
    """Yield each class that is in some types, with its name; one may be within itself."""
    waiting: list[Any] = list(msgspec.inspect.multi_type_info(types))
    seen: set[type] = set()
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType | msgspec.inspect.DataclassType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls.__name__, info.cls
            waiting += [field.type for field in info.fields]
        waiting += getattr(info, "types", ())
        inner = (getattr(info, name, None) for name in ("type", "item_type", "value_type"))
        waiting += [one for one in inner if one is not None]


def _described(schema: Json, cls: type) -> Json:
    """Return a class's schema with its docstring taken apart, so that each field has its own."""
    words: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        words |= dict(_PARAM.findall(_docstring(base)))
    info: Any = msgspec.inspect.type_info(cls)
    properties = dict(schema["properties"])
    for field in info.fields:
        part = _with_format(properties[field.encode_name], field.type)
        if text := " ".join(words.get(field.name, "").split()):
            part |= {"description": text[0].upper() + text[1:]}
        properties[field.encode_name] = part
    description = _docstring(cls).partition("\n:")[0].strip()
    return schema | {"description": description, "properties": properties}


def _docstring(cls: type) -> str:
    """Return a docstring with JSON terms."""
    text = cleandoc(cls.__doc__ or "").replace("``", "`")
    return re.sub(r"\bNone\b", "null", text)


def _with_format(schema: Json, info: Any) -> Json:
    """Return a field's schema, with the format of a time."""
    if "anyOf" in schema:
        return schema | {"anyOf": [_with_format(one, info) for one in schema["anyOf"]]}
    kinds = getattr(info, "types", (info,))
    is_time = any(isinstance(kind, msgspec.inspect.DateTimeType) for kind in kinds)
    return schema | ({"format": "date-time"} if is_time and schema.get("type") == "string" else {})


def _always_there(schema: Json) -> Json:
    properties: dict[str, Json] = schema.get("properties", {})
    sent = {name for name, part in properties.items() if "default" in part}
    if not sent:
        return schema
    bare = {n: {k: v for k, v in p.items() if k != "default"} for n, p in properties.items()}
    required = [name for name in bare if name in sent or name in schema["required"]]
    return schema | {"properties": bare, "required": required}

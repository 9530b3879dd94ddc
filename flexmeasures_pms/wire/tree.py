"""The table of spellings as a tree, so that a JSON object is read in one walk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Any

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.wire import spellings
from flexmeasures_pms.wire.draft import Draft
from flexmeasures_pms.wire.fields import SampleField, dataset_fields, sample_fields


@dataclasses.dataclass(slots=True)
class JsonNode:
    """One attribute: a field, a group of attributes, or either (``status``)."""

    path: str = ""
    field: SampleField | None = None
    children: dict[str, JsonNode] = dataclasses.field(default_factory=dict)


@cache
def sample_tree(dataset: DatasetName) -> JsonNode:
    """Return the attributes of a sample in all their spellings."""
    return _tree(sample_fields(dataset), spellings.sample_spellings)


@cache
def dataset_tree(dataset: DatasetName) -> JsonNode:
    """Return the attributes beside ``data`` in all their spellings."""
    ids = spellings.DEVICE_IDS[dataset]
    return _tree(
        dataset_fields(dataset), lambda path: ids.get(path) or spellings.dataset_spellings(path)
    )


def walk(node: JsonNode, sent: dict[str, Any], draft: Draft) -> None:
    """Read an object's attributes into a draft. ``null`` counts as missing.

    An empty array stands for an empty object, as PHP writes one.
    """
    children = node.children
    for name, value in sent.items():
        child = children.get(name)
        if child is None:
            draft.ignored += 1
        elif value is None:
            if child.field is not None and child.field.path in spellings.STATUS_CODES:
                child.field.read(draft, child.path, value)
        elif child.children and type(value) is dict:
            walk(child, value, draft)
        elif child.field is not None:
            draft.keep(child.field.path, child.path, child.field.read(draft, child.path, value))
        elif value != []:
            draft.refuse(child.path, child.path, value, f"{child.path} must be an object.")


def _tree(fields: dict[str, SampleField], spelled: Callable[[str], tuple[str, ...]]) -> JsonNode:
    root = JsonNode()
    for path, read in fields.items():
        for spelling in spelled(path):
            node = root
            for name in spelling.split("."):
                below = f"{node.path}.{name}" if node.path else name
                node = node.children.setdefault(name, JsonNode(below))
            node.field = read
    return root

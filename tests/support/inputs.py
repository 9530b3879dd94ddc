"""What the code reads of a request: by its source, and while it runs.

Neither is enough by itself. The source has the names, without the pages that read them; a page
shows what it reads only where it comes to reading it. What only one of the two finds is a test's
business.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from flask import Flask, Request, has_request_context, request
from werkzeug.datastructures import EnvironHeaders, ImmutableMultiDict
from werkzeug.utils import cached_property

import flexmeasures_pms

PACKAGE = Path(flexmeasures_pms.__file__).parent
PARTS = ("args", "form", "files", "headers", "cookies")
HELD_AS = {"sent": "form"}
"""Where our code keeps a part of a request, under a name of its own."""

TEMPLATES = "jinja2/runtime.py"

Read = tuple[str, str]
"""(part of the request, name): ``("args", "kind")``."""

Place = tuple[str, str, str]
"""(method, endpoint, form): ``("GET", "pms_ui.registry_thing", "swap")``."""


class Recorder:
    """What our code read of requests, by the place in which it was."""

    def __init__(self) -> None:
        self.read: dict[Place, set[Read]] = defaultdict(set)

    def note(self, part: str, name: object) -> None:
        """Note a look at a part of the request, if it was our code's."""
        caller = sys._getframe(2).f_code.co_filename
        is_ours = "flexmeasures_pms" in caller or caller.endswith(TEMPLATES)
        if isinstance(name, str) and has_request_context() and is_ours:
            self.read[here()].add((part, name))


def here() -> Place:
    """Return the place of the current request."""
    form = ImmutableMultiDict.get(request.args, "do") or ""
    kind = ImmutableMultiDict.get(request.args, "kind") or ""
    named = form or (kind if request.endpoint == "pms_ui.registry_register" else "")
    return request.method, request.endpoint or "", named


@contextmanager
def recorded(app: Flask) -> Iterator[Recorder]:
    """Record what is read of requests, for the time of the block."""
    recorder, before = Recorder(), app.request_class
    app.request_class = _recording(before, recorder)
    try:
        yield recorder
    finally:
        app.request_class = before


def _recording(base: type[Request], recorder: Recorder) -> type[Request]:
    kinds = {part: _noting(ImmutableMultiDict, part, recorder) for part in PARTS}
    kinds["headers"] = _noting(EnvironHeaders, "headers", recorder)

    class Recording(base):  # type: ignore[misc, valid-type]
        @cached_property
        def args(self) -> Any:
            return kinds["args"](list(super().args.items(multi=True)))

        @cached_property
        def cookies(self) -> Any:
            return kinds["cookies"](list(super().cookies.items(multi=True)))

        @cached_property
        def headers(self) -> Any:
            return kinds["headers"](self.environ)

        def _load_form_data(self) -> None:
            super()._load_form_data()
            for part in ("form", "files"):
                found = self.__dict__[part]
                if not isinstance(found, kinds[part]):
                    self.__dict__[part] = kinds[part](list(found.items(multi=True)))

    return Recording


def _noting(base: Any, part: str, recorder: Recorder) -> Any:
    class Noting(base):
        def __getitem__(self, key: Any, *more: Any, **named: Any) -> Any:
            recorder.note(part, key)
            return super().__getitem__(key, *more, **named)

        def __contains__(self, key: object) -> bool:
            recorder.note(part, key)
            return bool(super().__contains__(key))

        def get(self, key: Any, *more: Any, **named: Any) -> Any:
            recorder.note(part, key)
            return super().get(key, *more, **named)

        def getlist(self, key: Any, *more: Any, **named: Any) -> Any:
            recorder.note(part, key)
            return super().getlist(key, *more, **named)

    return Noting


# By the source


def in_source(*folders: str) -> set[Read]:
    """Return all names that the code and templates of some folders read of requests.

    A function that reads under a name that it is given (``moment("start")``) counts where it
    is called.
    """
    trees = {
        path: ast.parse(path.read_text())
        for folder in folders
        for path in sorted((PACKAGE / folder).rglob("*.py"))
    }
    readers: dict[str, str] = {}
    found: set[Read] = set()
    while True:
        before = len(readers)
        for path, tree in trees.items():
            found |= _of_module(path, tree, readers)
        if len(readers) == before:
            return found | _of_templates(folders)


def _of_module(path: Path, tree: ast.Module, readers: dict[str, str]) -> set[Read]:
    found: set[Read] = set()
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {id(inner): outer for outer in functions for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        part, name = _look(node, readers)
        if part is None or name is None:
            continue
        outer = within.get(id(node))
        arguments = {one.arg for one in outer.args.args} if outer else set()
        if isinstance(name, ast.Name) and name.id in arguments:
            assert outer is not None
            readers.setdefault(outer.name, part)
        elif (text := _text(path, name)) is not None:
            found.add((part, text))
    return found


def _look(node: ast.AST, readers: dict[str, str]) -> tuple[str | None, ast.expr | None]:
    """Return the part of a request that an expression looks at, and under which name."""
    if isinstance(node, ast.Subscript):
        return _part(node.value), node.slice
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        return _part(node.comparators[0]), node.left
    if isinstance(node, ast.Call) and node.args:
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in ("get", "getlist"):
            return _part(called.value), node.args[0]
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        return readers.get(name), node.args[0]
    return None, None


def _part(node: ast.expr) -> str | None:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    if name == "headers" and ast.unparse(node) != "request.headers":
        return None  # of a response
    return HELD_AS.get(name, name) if name in (*PARTS, *HELD_AS) else None


def _text(path: Path, node: ast.expr) -> str | None:
    """Return the text that an expression is: written there, or a constant of its module."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    found: Any = import_module(module.removesuffix(".__init__"))
    for name in ast.unparse(node).split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, str) else None


_IN_TEMPLATE = re.compile(r"""request\.args(?:\.get\(["'](\w+)|\.(\w+)|\[["'](\w+))""")
_IN_LOOP = re.compile(r"""for name in \(([^)]*)\) if request\.args""")


def _of_templates(folders: Iterable[str]) -> set[Read]:
    found: set[Read] = set()
    for path in (path for folder in folders for path in (PACKAGE / folder).rglob("*.html")):
        text = path.read_text()
        names = [next(filter(None, groups)) for groups in _IN_TEMPLATE.findall(text) if any(groups)]
        names += [name for some in _IN_LOOP.findall(text) for name in re.findall(r"\w+", some)]
        found |= {("args", name) for name in names if name not in ("get", "getlist")}
    return found

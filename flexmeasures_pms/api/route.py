"""A route of the API, for its registration and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flask import Response

Schema = Mapping[str, Any]

PREFIX = "/pms/api/v1"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a route; one of the path is always required."""

    name: str
    schema: Schema
    description: str
    where: Literal["path", "query", "header"] = "query"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several types in one place of the document, with a separate name.

    :param types: structs; a value is one of them.
    """

    name: str
    description: str
    types: tuple[type, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful reply of a route.

    :param body: type of the JSON body; None without a body.
    :param headers: name and description of each.
    :param files: media types, where it is a file in one of them instead.
    """

    description: str
    body: type | AnyOf | None
    headers: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the API.

    :param operation: operation id, and name of the endpoint.
    :param path: with parameters in braces.
    :param view: gets the parameters of the path as text.
    :param tag: group of operations; generated clients have a module for each.
    :param errors: description of each error by its HTTP status.
    :param body: of the request, by content type.
    :param security: names of credentials, any of which is sufficient.
    """

    operation: str
    path: str
    view: Callable[..., Response]
    tag: str
    summary: str
    description: str
    replies: Mapping[int, Reply]
    errors: Mapping[int, str]
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, type | AnyOf] = field(default_factory=dict)
    security: tuple[str, ...] = ("key", "token", "session")

    @property
    def method(self) -> Literal["GET", "POST"]:
        """The HTTP method: POST if there is a body."""
        return "POST" if self.body else "GET"

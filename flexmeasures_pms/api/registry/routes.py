"""The registry's routes, for the table of routes: a kind of data more is a row more."""

from __future__ import annotations

from flexmeasures_pms.api.common import (
    ACCOUNT,
    ERRORS,
    NO_CREDENTIAL,
    POST_ERRORS,
    TEXT,
    TIME,
    UNEXPECTED,
    one_of,
    up_to,
)
from flexmeasures_pms.api.registry import changes, imports, orders, things
from flexmeasures_pms.api.registry.records import (
    IdMeanings,
    Thing,
    ThingHistory,
    ThingList,
    ThingTree,
    TreeList,
)
from flexmeasures_pms.api.route import PREFIX, Parameter, Reply, Route
from flexmeasures_pms.ingest.ordered import OrdersDone
from flexmeasures_pms.registry.importing.limits import MOST_BYTES, MOST_CHANGES
from flexmeasures_pms.registry.kinds import KINDS

BASE = f"{PREFIX}/registry"

_KIND = one_of(*KINDS)
_NAMED = (
    Parameter("kind", _KIND, "Kind of the thing.", where="path"),
    Parameter("ident", TEXT, "Id of the thing, in any spelling.", where="path"),
)
_TEXT = {**TEXT, "maxLength": things.LONGEST}
_AT = Parameter("at", TIME, "The time; by default now.")
_KNOWN_AT = Parameter("as_known_at", TIME, "As the registry was at this time; by default now.")
_NOT_THERE = {404: things.NOTHING}
_ERRORS = ERRORS | {
    403: "The sender may not read the organisation's registry. The key of a gateway that is "
    "restricted to devices may not."
}

_THINGS = (
    Route(
        "listThings",
        f"{BASE}/things",
        things.list_things,
        tag="registry",
        summary="What is registered",
        description="Things are in the order of their kinds and ids.",
        parameters=(
            Parameter("kind", _KIND, "Only things of this kind."),
            Parameter("text", _TEXT, "Only things that have this text in their id or an alias."),
            Parameter("after", _TEXT, "The `next` of the page before."),
            Parameter("limit", up_to(things.LARGEST_PAGE, things.PAGE), "Most things."),
            ACCOUNT,
        ),
        replies={200: Reply("A page of things.", ThingList)},
        errors=_ERRORS,
    ),
    Route(
        "getThing",
        f"{BASE}/things/{{kind}}/{{ident}}",
        things.one_thing,
        tag="registry",
        summary="One registered thing",
        description="Its details, and where it is now.",
        parameters=(*_NAMED, ACCOUNT),
        replies={200: Reply("The thing.", Thing)},
        errors=_ERRORS | _NOT_THERE,
    ),
    Route(
        "getThingHistory",
        f"{BASE}/things/{{kind}}/{{ident}}/history",
        things.history_of_thing,
        tag="registry",
        summary="The history of a thing",
        description="Where it was and what was in it, as is known now, and what was recorded about "
        "it and about parts in it, newest first.",
        parameters=(
            *_NAMED,
            Parameter("before", up_to(things.LARGEST_NUMBER), "The `next` of the page before."),
            Parameter("limit", up_to(things.LARGEST_PAGE, things.PAGE), "Most transactions."),
            ACCOUNT,
        ),
        replies={200: Reply("Its history, and a page of transactions.", ThingHistory)},
        errors=_ERRORS | _NOT_THERE,
    ),
    Route(
        "getThingTree",
        f"{BASE}/things/{{kind}}/{{ident}}/tree",
        things.tree_of_thing,
        tag="registry",
        summary="A thing with what is in it, now or at a time",
        description="With `as_known_at`, as the registry was at that time.",
        parameters=(*_NAMED, _AT, _KNOWN_AT, ACCOUNT),
        replies={200: Reply("The thing with its parts.", ThingTree)},
        errors=_ERRORS | {404: f"{things.NOTHING} With `as_known_at`: or it was not yet."},
    ),
    Route(
        "listTrees",
        f"{BASE}/trees",
        things.list_trees,
        tag="registry",
        summary="All things of a kind that are in nothing, with what is in them",
        description="Of the kind `pms` these are all PMSes; of other kinds, those that are not "
        "installed at the time.",
        parameters=(
            Parameter("kind", _KIND, "Their kind; by default `pms`."),
            _AT,
            Parameter("after", _TEXT, "The `next` of the page before."),
            Parameter("limit", up_to(things.MOST_TREES, things.TREES), "Most things."),
            ACCOUNT,
        ),
        replies={200: Reply("A page of trees, in the order of their ids.", TreeList)},
        errors=_ERRORS,
    ),
    Route(
        "lookUpId",
        f"{BASE}/lookup/{{ident}}",
        things.look_up_id,
        tag="registry",
        summary="What an id means at a time",
        description="A pack id means the case, or the acquisition board and the case that it was "
        "in. With `as_known_at`, as the registry was at that time.",
        parameters=(
            Parameter("ident", TEXT, "The id, in any spelling.", where="path"),
            Parameter("kind", _KIND, "Only a thing of this kind."),
            _AT,
            _KNOWN_AT,
            ACCOUNT,
        ),
        replies={200: Reply("What it means, by kind.", IdMeanings)},
        errors=_ERRORS
        | {404: "The id is not registered in the organisation, or was not at that time."},
    ),
)

_CHANGE_ERRORS = {
    400: "A parameter is invalid, or the body can't be read. Nothing was done.",
    401: NO_CREDENTIAL,
    403: "The sender may not do this in the organisation. Nothing was done.",
    413: "The body exceeds a limit. Nothing was done.",
    415: "The content type or encoding is not supported. Nothing was done.",
    429: POST_ERRORS[429],
    500: f"{UNEXPECTED} Nothing was done.",
    503: POST_ERRORS[503],
}

_CHANGES = Route(
    "listChanges",
    f"{BASE}/changes",
    changes.list_changes,
    tag="registry",
    summary="What changed in the registry since a change",
    description="To follow the registry, ask with `since=0`, then each time with the `next` of the "
    "reply before: each change comes once, and after all that it refers to. Numbers have gaps. "
    "What was asked for may be asked for again: the answer is the same.",
    parameters=(
        Parameter(
            "since",
            {"type": "integer", "minimum": 0, "maximum": things.LARGEST_NUMBER, "default": 0},
            "The `next` of the reply before.",
        ),
        Parameter("limit", up_to(things.LARGEST_PAGE, changes.PAGE), "Most changes."),
        ACCOUNT,
    ),
    replies={200: Reply("Changes, in their order.", changes.ChangeList)},
    errors=_ERRORS,
)

_ORDERS = Route(
    "postOrders",
    f"{BASE}/orders",
    orders.post_orders,
    tag="registry",
    summary="Change the registry: several orders at once, all of them or none",
    description="The checks are those of the forms and commands. The first order that can't be "
    "made refuses the request, and is named by its path in the body, such as `orders[3].into`. "
    "Retries are safe: the same request with the same `key` gets the first answer, with "
    "`repeated`. Two at the same time give one result. Every member of an organisation may give "
    "orders; only its admins and consultants may register devices, and cases and cabinets that "
    "are installed nowhere. The reply comes after commit; assets and waiting samples may follow.",
    parameters=(ACCOUNT,),
    body={"application/json": orders.OrdersRequest},
    replies={200: Reply("What was done, order by order.", OrdersDone)},
    errors=_CHANGE_ERRORS
    | {
        409: "Another request had this key. Nothing was done.",
        422: "The body is no request of orders, or an order can't be made. Nothing was done.",
    },
    security=("token",),
)

_FLAG = {"type": "boolean", "default": False}
_IMPORTS = Route(
    "postImport",
    f"{BASE}/imports",
    imports.post_import,
    tag="registry",
    summary="Import a registry file",
    description="The file is that of the command `import-registry` and of the page: CSV, with one "
    "line for each case. All of it is imported or nothing, unless faulty lines are to be skipped. "
    "The same file again changes nothing. Only admins and consultants of an organisation may "
    f"import files, of at most {MOST_BYTES} bytes and {MOST_CHANGES} lines that change something.",
    parameters=(
        Parameter("dry_run", _FLAG, "Only say what would change."),
        Parameter(
            "name",
            {**TEXT, "maxLength": imports.LONGEST_NAME},
            "Name of the file, for the notes of what it changes.",
        ),
        *(Parameter(name, _FLAG, words) for name, words in imports.RULES.items()),
        ACCOUNT,
    ),
    body={"text/csv": str},
    replies={200: Reply("What the file changed, or would.", imports.ImportDone)},
    errors=_CHANGE_ERRORS | {422: "Lines of the file are faulty, or it is no registry file."},
    security=("token",),
)

REGISTRY: tuple[Route, ...] = (*_THINGS, _CHANGES, _ORDERS, _IMPORTS)

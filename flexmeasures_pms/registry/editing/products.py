"""Registering and correcting products."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from shlex import quote
from typing import Any, TypedDict, Unpack

from msgspec.structs import asdict, replace

from flexmeasures_pms.errors import RegistryConflict, RegistryError
from flexmeasures_pms.registry.editing.changeset import Changeset
from flexmeasures_pms.registry.editing.registration import ADDED, REGISTERED
from flexmeasures_pms.registry.editing.stated_details import (
    CORRECTED,
    HAS_DETAILS,
    additions,
    corrections,
    details_text,
    unknown_record,
)
from flexmeasures_pms.registry.kinds import words
from flexmeasures_pms.registry.master import queries, rules
from flexmeasures_pms.registry.master.record_tables import PRODUCTS
from flexmeasures_pms.registry.master.records import Product, product_key
from flexmeasures_pms.registry.messages.message import KindText, message, message_form
from flexmeasures_pms.registry.messages.record_text import PRODUCT, RecordText

CLEARABLE = ("revision", "datasheet", "note")


class ProductDetails(TypedDict, total=False):
    """What is said of a product besides its name; None or nothing for what is not."""

    datasheet: str | None
    parameters: Mapping[str, object] | None
    note: str | None


class ProductName(TypedDict, total=False):
    """The parts of a product's name that are corrected."""

    vendor: str | None
    model: str | None
    revision: str | None


def register_product(
    changeset: Changeset,
    kind: str,
    vendor: str,
    model: str,
    revision: str = "",
    **details: Unpack[ProductDetails],
) -> Product:
    """Register a product, or add to one that is registered what is not known of it; return it.

    :param kind: which kind of trackable it is.
    :raises RegistryConflict: if other details are registered.
    :raises RegistryError: for an unusable name or detail.
    """
    state = changeset.master
    named = _named(Product(0, rules.kind(kind), vendor, model, revision))
    stated = _checked(details)
    known = state.products.find(product_key(kind, named.name))
    if known is None:
        given = {field: value for field, value in stated.items() if value is not None}
        new = replace(named, id=state.number(PRODUCTS), **given)
        state.put_product(new, "registered")
        changeset.add_message(REGISTERED, what=product_text(new))
        return new
    return _add(changeset, known, named, stated)


def _add(changeset: Changeset, known: Product, named: Product, stated: dict[str, Any]) -> Product:
    what = product_text(known)
    parameters = stated.pop("parameters", None) or {}
    names = {field: getattr(named, field) for field in ("vendor", "model", "revision")}
    command = f"correct-product {quote(known.name)} --kind {known.kind} … --note …"
    added = additions(what, _names(known) | asdict(known), names | stated, command=command)
    more = additions(what, known.parameters, parameters, command=command)
    if not added and not more:
        changeset.add_unchanged("{what} is registered already.", what=what)
        return known
    changed = _with_parameters(replace(known, **added), more)
    changeset.master.put_product(changed, "updated")
    changeset.add_message(ADDED, what=what, details=details_text(added | more))
    return changed


def _names(product: Product) -> dict[str, str]:
    return {"vendor": product.vendor, "model": product.model, "revision": product.revision}


def correct_product(
    changeset: Changeset,
    product: Product,
    *,
    name: ProductName | None = None,
    unknown: Collection[str] = (),
    **details: Unpack[ProductDetails],
) -> None:
    """Correct what is registered of a product.

    :param name: the parts of its name that are others.
    :param unknown: fields and parameters whose value is unknown after all.
    :raises RegistryConflict: if another product has the name.
    """
    stated = {**(name or {}), **_checked(details)}
    parameters = stated.pop("parameters", None) or {}
    fields = {**asdict(product), "revision": product.revision or None, **product.parameters}
    clearable = (*CLEARABLE, *product.parameters)
    wanted = corrections(fields, stated | dict(parameters), unknown, clearable)
    own = {field: wanted.pop(field) for field in list(wanted) if field not in asdict(product)}
    if "revision" in wanted:
        wanted["revision"] = wanted["revision"] or ""
    changed = _with_parameters(_named(replace(product, **wanted)), own)
    other = changeset.master.products.find(product_key(changed.kind, changed.name))
    if other is not None and other.id != product.id:
        raise RegistryConflict(message("{what} is registered already.", what=product_text(other)))
    if changed == product:
        changeset.add_unchanged(HAS_DETAILS, what=product_text(product))
        return
    changeset.master.put_product(changed, "corrected")
    changeset.add_message(CORRECTED, what=product_text(product), details=details_text(wanted | own))


def _with_parameters(product: Product, changes: Mapping[str, Any]) -> Product:
    """Return a product with more or other parameters, without those that are None now."""
    if not changes:
        return product
    merged = {**product.parameters, **changes}
    known = {name: value for name, value in merged.items() if value is not None}
    rules.check_number(known)
    return replace(product, parameters=known)


def find_product(changeset: Changeset, kind: str, name: str) -> Product:
    """Return the product of a name: vendor, model and revision.

    :param kind: of the trackable that it is.
    :raises UnknownId: if none is registered.
    """
    cleaned = rules.name("product", name)
    found = changeset.master.products.find(product_key(kind, cleaned))
    if found is not None:
        return found
    near = [p.name for p in queries.products(changeset.account_id) if p.kind == kind]
    form = message_form("No product '{text}' of kind {kind} is registered.")
    said = message(form, text=cleaned, kind=KindText(words(kind)))
    raise unknown_record(said, near, cleaned, "products")


def product_text(product: Product) -> RecordText:
    """Return a product as written in sentences."""
    return RecordText(PRODUCT, product.name)


def _named(product: Product) -> Product:
    """Return a product with its name cleaned.

    :raises RegistryError: if it can't be a name.
    """
    vendor, model = rules.name("vendor", product.vendor), rules.name("model", product.model)
    revision = rules.name("revision", product.revision) if product.revision.strip() else ""
    named = replace(product, vendor=vendor, model=model, revision=revision)
    if len(named.name) > rules.MAX_NAME:
        form = message_form("Vendor, model and revision have at most {n} characters together.")
        raise RegistryError(message(form, n=rules.MAX_NAME))
    return named


def _checked(details: ProductDetails) -> dict[str, Any]:
    datasheet, parameters = details.get("datasheet"), details.get("parameters")
    note = details.get("note")
    checked = rules.parameters(parameters) if parameters else None
    rules.check_number(checked or ())
    return {
        "datasheet": None if datasheet is None else rules.datasheet(datasheet),
        "parameters": checked,
        "note": None if note is None else rules.line("note", note),
    }

"""Texts for a quarantine that is nearly full."""

from __future__ import annotations

from collections.abc import Iterable

from flexmeasures_pms.storage.intake.quarantine_room import BoundUse
from flexmeasures_pms.ui.language.figures import number
from flexmeasures_pms.ui.language.words import _

_MIB = 1 << 20


def warnings(uses: Iterable[BoundUse]) -> tuple[str, ...]:
    """Return a sentence for each bound that is used by 80 % or more."""
    return tuple(map(_warning, uses))


def _warning(use: BoundUse) -> str:
    figures = {"percent": number(use.percent), "amounts": _amounts(use)}
    if use.whole:
        return _("The quarantine is {percent} % full: {amounts}.", **figures)
    if use.device is None:
        return _(
            "Samples without a device id fill {percent} % of their share of the quarantine: "
            "{amounts}.",
            **figures,
        )
    return _(
        "{device} fills {percent} % of its share of the quarantine: {amounts}.",
        device=use.device,
        **figures,
    )


def _amounts(use: BoundUse) -> str:
    if use.unit == "samples":
        return _("{used} of {most} samples", used=number(use.used), most=number(use.most))
    return _(
        "{used} of {most} MiB",
        used=number(use.used / _MIB, 1),
        most=number(use.most / _MIB, 1),
    )

"""Samples that can't be read: kept with their text and place, for a person to look at."""

from __future__ import annotations

from flexmeasures_pms.catalogue.asset_types import DatasetName
from flexmeasures_pms.errors import Problem
from flexmeasures_pms.wire.draft import shown
from flexmeasures_pms.wire.samples import Limits, Sample

CODES = frozenset({"unreadable_sample", "sample_too_large"})
"""Of the problems of samples that can't be read."""


def unreadable(path: str, dataset: DatasetName, text: str, message: str, limits: Limits) -> Sample:
    """Return what stands for a sample that can't be read.

    :param text: of the sample as sent. Too long a text is not kept.
    :param message: what is wrong with it.
    """
    size = len(text.encode())
    if size > limits.sample_bytes:
        return too_large(path, dataset, size, limits, f"{message} ")
    problem = Problem(path, "unreadable_sample", message, shown(text))
    return _nothing(path, dataset, problem, text)


def too_large(
    path: str, dataset: DatasetName, size: int, limits: Limits, message: str = ""
) -> Sample:
    """Return what stands for a sample that is too large to be read or kept.

    :param size: with the attributes that its dataset shares, in bytes.
    :param message: what else is wrong with it.
    """
    problem = Problem(
        path,
        "sample_too_large",
        f"{message}It takes {size} bytes with its device id and status; at most "
        f"{limits.sample_bytes} are read. It was not kept. Send it without what does not "
        "belong to it.",
    )
    return _nothing(path, dataset, problem, "", refused=problem)


def _nothing(
    path: str, dataset: DatasetName, problem: Problem, text: str, refused: Problem | None = None
) -> Sample:
    return Sample(
        path=path,
        dataset=dataset,
        device_id=None,
        device_is_cabinet=False,
        time=None,
        pack_id=None,
        fields={},
        invalid=(problem,),
        faulty=(),
        no_answer=False,
        status_in_sample=False,
        write=lambda: text,
        refused=refused,
    )

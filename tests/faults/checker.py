"""Read everything back, and hold it against what was sent.

Every acknowledged sample is there with all its beliefs, or in quarantine; nothing is
there that was not sent, nothing twice, nothing in another organisation; and a request
is there as a whole or not at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import psycopg2
from faults.expected import Expected, Key, Values, expected, key, samples
from faults.receipts import check_receipts
from faults.registry_plan import HOPPERS
from faults.registry_site import Discard, Site
from faults.rows import rows as _rows
from faults.traffic import Body

# What the log has, and whether it was written as a belief.
_LOG = """
    SELECT a.account_id, a.external_id, l.event_time, d.name, p.sensor, l.readings[p.place + 1],
      d.account_id, d.type, l.repeats & (1::bigint << p.place) = 0
    FROM pms_sample l JOIN pms_trackable t ON t.id = l.subject_id
      JOIN generic_asset a ON a.id = t.asset_id JOIN data_source d ON d.id = l.source_id
      JOIN pms_place p ON p.asset_type = t.kind
    WHERE t.account_id = %s AND l.readings[p.place + 1] <> 'NaN'
    ORDER BY a.external_id, l.event_time, d.name"""
# Where beliefs are not what the log says: each written reading, once, and nothing else. What was
# not written is the same as the last that was, in the same quarter of an hour.
_UNTRUE = """
    WITH told AS (
      SELECT s.id AS sensor, l.source_id AS source, l.event_time AS moment,
        l.readings[p.place + 1] AS value, l.repeats & (1::bigint << p.place) = 0 AS written
      FROM pms_sample l JOIN pms_trackable t ON t.id = l.subject_id
        JOIN pms_place p ON p.asset_type = t.kind
        JOIN sensor s ON s.generic_asset_id = t.asset_id AND s.name = p.sensor
      WHERE t.account_id = %s AND l.readings[p.place + 1] <> 'NaN'
    ), believed AS (
      SELECT b.sensor_id AS sensor, b.source_id AS source, b.event_start AS moment,
        count(*) AS times, min(b.event_value) AS lowest, max(b.event_value) AS highest,
        bool_and(b.belief_horizon = '0' AND b.cumulative_probability = 0.5) AS plain
      FROM timed_belief b JOIN sensor s ON s.id = b.sensor_id
        JOIN generic_asset a ON a.id = s.generic_asset_id
      WHERE a.account_id = %s GROUP BY 1, 2, 3
    ), numbered AS (
      SELECT *, count(*) FILTER (WHERE written) OVER (
        PARTITION BY sensor, source ORDER BY moment) AS n FROM told
    ), shown AS (
      SELECT *, first_value(value) OVER since AS last, first_value(moment) OVER since AS at
      FROM numbered WINDOW since AS (PARTITION BY sensor, source, n ORDER BY moment)
    )
    SELECT 'belief', sensor, moment FROM (SELECT * FROM told WHERE written) l
      FULL JOIN believed b USING (sensor, source, moment)
    WHERE l.value IS NULL OR b.times IS DISTINCT FROM 1 OR NOT b.plain
      OR b.lowest <> l.value OR b.highest <> l.value
    UNION ALL
    SELECT 'shown', sensor, moment FROM shown
    WHERE NOT written
      AND (n = 0 OR last <> value OR at < date_bin('15 minutes', moment, '2000-01-01 00:00+00'))"""
_LATEST = """
    SELECT t.kind || ':' || t.ident, l.event_time, l.readings FROM pms_latest l
      JOIN pms_trackable t ON t.id = l.trackable_id
    WHERE t.account_id = %s"""
_COUNT = "SELECT count(*) FROM timed_belief"
_QUARANTINE = """
    SELECT q.id, q.dataset, q.content_type, coalesce(h.text, '') || q.text, q.discarded_at
    FROM pms_quarantine q LEFT JOIN pms_quarantine_head h ON h.id = q.head_id
    WHERE q.account_id = %s"""
_REPORTS = """
    SELECT b.ident, l.event_time, c.ident FROM pms_sample l
      JOIN pms_trackable b ON b.id = l.board_id JOIN pms_trackable c ON c.id = l.subject_id
    WHERE b.account_id = %s AND c.account_id = b.account_id"""

Moment = tuple[str, datetime]
Items = list[tuple[Body, list[Expected]]]
MOST_SHOWN = 5


@dataclass
class Claims:
    """What was sent about one asset at one time: usually one reading, of a conflict several.

    :param bodies: which each of ``all`` was sent in.
    """

    all: list[Expected] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    acknowledged: list[Expected] = field(default_factory=list)

    def came_second(self, values: Values) -> bool:
        """Whether another reading was acknowledged before this one was sent at all."""
        both = [*zip(self.all, self.bodies, strict=True)]
        sent = min(body.first_sent for claim, body in both if claim.values == values)
        return any(b.acknowledged_at < sent for claim, b in both if claim.values != values)


@dataclass
class Verdict:
    """What the checker found. Each list is empty for a product that keeps its word.

    :param misplaced: samples under another case than the registry says.
    :param waiting: samples that wait although the registry says where they belong.
    :param docks: where the newest readings of packs that move say that they are.
    :param untrue: readings that are not shown as beliefs as the log has them.
    :param unsaid: samples that were discarded, then acknowledged as waiting, and do not wait.
    """

    lost: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    disorder: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    docks: dict[tuple[int, str], int] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)
    samples: int = 0
    beliefs: int = 0
    quarantined: int = 0
    receipts: int = 0

    def faults(self) -> dict[str, list[str]]:
        """The kinds of broken promises, with the first few of each."""
        kinds = (
            "lost", "half", "invented", "double", "foreign", "disorder", "stale", "untold",
            "misplaced", "waiting", "unsaid", "untrue",
        )  # fmt: skip
        found = {kind: getattr(self, kind) for kind in kinds}
        return {kind: [f"{len(f)} {kind}", *f[:MOST_SHOWN]] for kind, f in found.items() if f}


def check(uri: str, sites: list[Site], sent: list[list[Body]]) -> Verdict:
    """Compare what is stored with what was sent, for all organisations.

    :param sites: with what each one's registry was told.
    """
    verdict = Verdict()
    items = [[(body, [*expected(body, s)]) for body in b] for s, b in zip(sites, sent, strict=True)]
    claims = [_claims(of) for of in items]
    with closing(psycopg2.connect(uri)) as connection:
        [*_rows(connection, "SELECT pms_thaw(id) FROM pms_trackable")]  # folded days, too
        for number, site in enumerate(sites):
            mine, others = items[number], claims[1 - number]
            account = site.account
            here = _Organisation(number, account, mine, claims[number], others, verdict)
            here.read_quarantine(_rows(connection, _QUARANTINE, account))
            here.check_log(_rows(connection, _LOG, account))
            verdict.untrue += [
                f"{account}: {what} of sensor {sensor} at {time}"
                for what, sensor, time in _rows(connection, _UNTRUE, account, account)
            ]
            here.check_quarantine(items[1 - number])
            here.check_discards(site.discards)
            here.check_reports(_rows(connection, _REPORTS, account))
            here.check_wholes()
            here.check_latest(_rows(connection, _LATEST, account))
            here.note_docks()
            check_receipts(connection, account, sent[number], here.stored, verdict)
        ((count,),) = _rows(connection, _COUNT)
        if count != verdict.beliefs:
            verdict.foreign.append(f"{count - verdict.beliefs} beliefs belong to nobody here.")
    verdict.samples = sum(b.samples for bodies in sent for b in bodies if b.acknowledged)
    return verdict


def _claims(items: Items) -> dict[Moment, Claims]:
    found: dict[Moment, Claims] = defaultdict(Claims)
    for body, of_body in items:
        for item in of_body:
            if item.asset is not None:
                claims = found[item.asset, item.time]
                claims.all.append(item)
                claims.bodies.append(body)
                if body.acknowledged:
                    claims.acknowledged.append(item)
    return found


@dataclass
class _Organisation:
    """The check of one organisation.

    :param standing: what is stored, by asset and time.
    :param stored: how many samples each device has stored, those of statuses not with them.
    :param waiting: what waits in quarantine; the rest of it is ``discarded``.
    :param astray: what is stored at another case than it should be.
    """

    number: int
    account: int
    items: Items
    claims: dict[Moment, Claims]
    others: dict[Moment, Claims]
    verdict: Verdict
    standing: dict[Moment, Values] = field(default_factory=dict)
    stored: Counter[str] = field(default_factory=Counter)
    waiting: set[Key] = field(default_factory=set)
    discarded: dict[int, Key] = field(default_factory=dict)
    astray: set[tuple[datetime, str]] = field(default_factory=set)
    _moving: dict[datetime, list[Expected]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for _, of_body in self.items:
            for item in of_body:
                if item.changes:
                    self._moving[item.time].append(item)

    def check_log(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Every moment has the readings of one sample that was sent about it, once."""
        for (asset, time, source), group in groupby(rows, key=lambda row: row[1:4]):
            readings = list(group)
            self.verdict.beliefs += sum(row[8] for row in readings)
            self.stored[source] += not asset.startswith("cabinet:")
            where = f"{self.account}/{asset} {time:%H:%M:%S.%f} by {source}"
            values = {row[4]: row[5] for row in readings}
            if len(values) < len(readings):
                self.verdict.double.append(where)
            if any(row[6:8] != (self.account, "gateway") for row in readings):
                self.verdict.foreign.append(f"{where}: another's source")
            self._judge((asset, time), source, values, where)
        self._check_missing()

    def _judge(self, moment: Moment, source: str, values: Values, where: str) -> None:
        self.standing[moment] = values
        claims = self.claims.get(moment)
        told = [c.values for c in claims.all if c.source == source] if claims else []
        elsewhere = [i for i in self._moving.get(moment[1], ()) if i.values == values]
        if values in told:
            if claims and claims.came_second(values):
                self.verdict.disorder.append(where)
        elif elsewhere:
            self.astray.add(_name(elsewhere[0]))
            due = elsewhere[0].asset or "quarantine"
            self.verdict.misplaced.append(f"{where}: {elsewhere[0].board}'s, due in {due}")
        elif _part_of(values, told):
            self.verdict.half.append(f"{where}: {len(values)} readings")
        elif moment in self.others and _part_of(
            values, [c.values for c in self.others[moment].all]
        ):
            self.verdict.foreign.append(where)
        else:
            self.verdict.invented.append(where)

    def note_docks(self) -> None:
        """Note where packs were last, for those that compare it with the registry."""
        for case in HOPPERS:
            moments = [m for m in self.standing if m[0] == f"case:{case}"]
            if moments:
                self.verdict.docks[self.account, case] = int(self.standing[max(moments)]["dock"])

    def _check_missing(self) -> None:
        for (asset, time), claims in self.claims.items():
            if not claims.acknowledged or (asset, time) in self.standing:
                continue
            item = claims.acknowledged[0]
            where = f"{self.account}/{asset} {time:%H:%M:%S.%f}"
            if item.changes and item.key in self.waiting:
                self.verdict.waiting.append(f"{where} {item.board or ''}")
            elif item.key not in self.discarded.values() and _name(item) not in self.astray:
                self.verdict.lost.append(where)

    def check_latest(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """The latest reading of each thing is the newest of those that are stored."""
        newest: dict[str, datetime] = {}
        for asset, time in self.standing:
            newest[asset] = max(time, newest.get(asset, time))
        found = {asset: (time, readings) for asset, time, readings in rows}
        for asset in newest.keys() | found.keys():
            last = newest.get(asset)
            due = last and (last, self.standing[asset, last])
            if (there := found.get(asset)) != due:
                self.verdict.stale.append(
                    f"{self.account}/{asset}: {there and there[0]}, but {last} is the newest"
                )

    def read_quarantine(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Read what waits, each once, and what was discarded."""
        texts: Counter[tuple[str, str]] = Counter()
        for number, dataset, content_type, text, discarded_at in rows:
            texts[dataset, text] += 1
            name = _key_of(dataset, text, content_type)
            if discarded_at is None:
                self.waiting.add(name)
            else:
                self.discarded[number] = name
        self.verdict.quarantined += sum(texts.values())
        self.verdict.double += [text[:200] for (_, text), count in texts.items() if count > 1]

    def check_quarantine(self, others: Items) -> None:
        """What can't be stored waits; nothing else does."""
        kept = self.waiting | {*self.discarded.values()}
        allowed, due = self._for_quarantine(self.items)
        self.verdict.lost += [f"{self.account} quarantine {name}" for name in due - kept]
        if strange := kept - allowed:
            elsewhere, _ = self._for_quarantine(others)
            own = {item.key for _, of_body in self.items for item in of_body}
            for name in strange:
                other = self.verdict.foreign if name in elsewhere else self.verdict.invented
                kind = self.verdict.double if name in own else other
                kind.append(f"{self.account} quarantine {name}")

    def _for_quarantine(self, items: Items) -> tuple[set[Key], set[Key]]:
        """Which samples may wait, and which have to: those that nothing stored stands for."""
        allowed: set[Key] = set()
        due: set[Key] = set()
        for body, of_body in items:
            for item in of_body:
                stands = item.asset is not None and self._stands(item)
                if item.key is not None and not stands:
                    allowed.add(item.key)
                    elsewhere = (item.asset and self._is_lost(item)) or _name(item) in self.astray
                    if body.acknowledged and not elsewhere:
                        due.add(item.key)
        return allowed, due

    def check_discards(self, discards: Iterable[Discard]) -> None:
        """Who is told that a sample waits, after it was discarded, finds it waiting."""
        last: dict[Key, float] = {}
        ordered = [number for discard in discards for number in discard.rows]
        for discard in discards:
            for name in (self.discarded[n] for n in discard.rows if n in self.discarded):
                last[name] = max(discard.acknowledged, last.get(name, 0))
        strange = self.discarded.keys() - {*ordered}
        self.verdict.lost += [f"{self.account} discarded by nobody: {n}" for n in strange]
        again = {
            item.key
            for body, of_body in self.items
            for item in of_body
            if item.key in last and item.key not in self.waiting
            if body.last_sent > last[item.key] and b"discarded" not in body.reply
        }
        self.verdict.unsaid += [f"{self.account} {name}" for name in again]

    def _stands(self, item: Expected) -> bool:
        return self.standing.get((item.asset or "", item.time)) == item.values

    def _is_lost(self, item: Expected) -> bool:
        return (item.asset or "", item.time) not in self.standing

    def check_reports(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Which samples came under a board's id is noted for each that is stored."""
        found = Counter((board.upper(), time, f"case:{case}") for board, time, case in rows)
        told = {
            (item.board.upper(), item.time, item.asset): self._stands(item)
            for claims in self.claims.values()
            for item in claims.all
            if item.board
        }
        astray = {(time, str(board).upper()) for time, board in self.astray}
        found = Counter({n: c for n, c in found.items() if (n[1], n[0]) not in astray})
        stored = {n for n, stands in told.items() if stands and (n[1], n[0]) not in astray}
        self.verdict.lost += [f"{self.account} report {name}" for name in stored - found.keys()]
        self.verdict.invented += [f"{self.account} report {n}" for n in found.keys() - stored]
        self.verdict.double += [f"{self.account} report {n}" for n, c in found.items() if c > 1]

    def check_wholes(self) -> None:
        """A body that the gateway gave up on is there as a whole, or not at all."""
        kept = self.waiting | {*self.discarded.values()}
        for body, of_body in self.items:
            if not body.acknowledged:
                there = {
                    (item.asset is not None and self._stands(item))
                    or ((item.changes or not item.asset) and item.key in kept)
                    or (item.changes and _name(item) in self.astray)
                    for item in of_body
                    if item.asset or item.key
                }
                if len(there) > 1:
                    self.verdict.half.append(f"{self.account} request {body.text[:200]}")


def _key_of(dataset: str, text: str, content_type: str) -> Key:
    """Return the key of a sample in quarantine; one that nobody can have sent has none."""
    try:
        ((head, sample),) = samples(text, content_type)
        return key(dataset, head, sample)
    except (TypeError, ValueError, KeyError, ArithmeticError):
        return dataset, None, None, "?", text[:200]


def _name(item: Expected) -> tuple[datetime, str]:
    """What tells the samples of packs that change apart: no two of a pack have one time."""
    return item.time, item.board or str(item.asset)


def _part_of(values: Values, told: Iterable[Values]) -> bool:
    return any(values.items() <= whole.items() for whole in told)

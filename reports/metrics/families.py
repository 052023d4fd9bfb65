"""This file is for writing the lines of series, family by family: what is the same each time is rendered once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from probes.outcome import Verdict
from reports.metrics import names
from reports.metrics.counting import Series
from reports.metrics.histogram import filling, template_of
from reports.metrics.labels import escape
from reports.metrics.names import Metric
from reports.store.watch.answers import WINDOWS_S
from reports.windows import ALL_GOOD


class Family(NamedTuple):
    """One metric, and how its lines of one series are written; `minute` is that of now.

    What is steady depends on how a series stands and what it is called, and on nothing else.
    """

    metric: Metric
    lines: Callable[[Series, int], str]
    is_steady: bool = False


def _one(metric: Metric) -> str:
    return f"{metric.name}{{%s}} %s\n"


def _each(metric: Metric, values: list[str]) -> str:
    """Return a template for all values of the last label at once: one formatting costs less than six."""
    return "".join(f'{metric.name}{{%s,{metric.labels[-1]}="{value}"}} %s\n' for value in values)


_BUT_PASSES = _each(names.OUTCOMES, [str(verdict) for verdict in Verdict if verdict is not Verdict.PASS])
_PASSES = _each(names.OUTCOMES, [str(Verdict.PASS)])
_MAINTAINED = _one(names.MAINTAINED)
_RATIOS = _each(names.RATIO, list(WINDOWS_S))
_ALL_GOOD = _RATIOS.replace("} %s", "} 1.0")
_RATIO = [_each(names.RATIO, [window]) for window in WINDOWS_S]
_GOOD = _one(names.GOOD)
_VERDICT = f'{names.VERDICT.name}{{%s,verdict="%s"}} 1\n'
_IN_MAINTENANCE = _one(names.IN_MAINTENANCE)
_LAST_OUTCOME = _one(names.LAST_OUTCOME)
_LAST_GOOD = _one(names.LAST_GOOD)
_CERTIFICATE = f"{names.CERTIFICATE.name}{{%s}} %.0f\n"
_CHECK = f'{names.CHECK_FAILURES.name}{{%s,check="%s"}} %d\n'
_DURATION = template_of(names.DURATION)


def _outcomes(one: Series, minute: int) -> str:
    labels = one.labels
    fail, error, inconclusive, degraded, passed, skipped = one.verdicts
    if not one.but_passes:
        one.but_passes = _BUT_PASSES % (
            labels, fail, labels, error, labels, inconclusive, labels, degraded, labels, skipped
        )  # fmt: skip
    return one.but_passes + _PASSES % (labels, passed)


def _maintained(one: Series, minute: int) -> str:
    return _MAINTAINED % (one.labels, one.maintained) if one.shows_all and one.maintained else ""


def _ratios(one: Series, minute: int) -> str:
    if not one.shows_all:
        return ""
    labels, ratios = one.labels, one.ratios_at(minute)
    if ratios is ALL_GOOD:
        return _ALL_GOOD % (labels, labels, labels, labels)
    if None not in ratios:
        short, hour, day, month = ratios
        return _RATIOS % (labels, short, labels, hour, labels, day, labels, month)
    return "".join(line % (labels, ratio) for line, ratio in zip(_RATIO, ratios, strict=True) if ratio is not None)


def _last_outcome(one: Series, minute: int) -> str:
    at = one.line.last_at
    if at is None or not one.shows_all:
        return ""
    if at is not one.at:
        one.at, one.at_text = at, f"{at.timestamp():.3f}"
    return _LAST_OUTCOME % (one.labels, one.at_text)


def _last_good(one: Series, minute: int) -> str:
    at = one.line.last_good_at
    if at is None or not one.shows_all:
        return ""
    return _LAST_GOOD % (one.labels, one.at_text if at is one.at else f"{at.timestamp():.3f}")


def _good(one: Series, minute: int) -> str:
    line = one.line
    if not one.shows_all or (line.good is None and not line.stale):
        return ""
    return _GOOD % (one.labels, 1 if line.good and not line.stale else 0)


def _verdict(one: Series, minute: int) -> str:
    verdict = one.line.verdict
    return _VERDICT % (one.labels, verdict.value) if verdict is not None and one.shows_all else ""


def _in_maintenance(one: Series, minute: int) -> str:
    return _IN_MAINTENANCE % (one.labels, 1 if one.line.maintenance else 0) if one.shows_all else ""


def _certificate(one: Series, minute: int) -> str:
    at = one.line.certificate_expires_at
    return _CERTIFICATE % (one.labels, at.timestamp()) if at is not None and one.shows_all else ""


def _info(one: Series, minute: int) -> str:
    return one.info if one.shows_all else ""


def _checks(one: Series, minute: int) -> str:
    if not one.checks:
        return ""
    return "".join([_CHECK % (one.labels, escape(name), count) for name, count in one.checks.items()])


def _duration(one: Series, minute: int) -> str:
    return _DURATION % filling(one.labels, one.duration) if one.duration is not None else ""


FAMILIES = (
    Family(names.OUTCOMES, _outcomes),
    Family(names.MAINTAINED, _maintained),
    Family(names.RATIO, _ratios),
    Family(names.LAST_OUTCOME, _last_outcome),
    Family(names.LAST_GOOD, _last_good),
    Family(names.CHECK_FAILURES, _checks),
    Family(names.DURATION, _duration),
    Family(names.GOOD, _good, is_steady=True),
    Family(names.VERDICT, _verdict, is_steady=True),
    Family(names.IN_MAINTENANCE, _in_maintenance, is_steady=True),
    Family(names.CERTIFICATE, _certificate, is_steady=True),
    Family(names.INFO, _info, is_steady=True),
)


class Block:
    """Some series that are written in one go. What seldom changes is written when one of them has changed only."""

    __slots__ = ("_series", "_stood", "_texts")

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = series
        self._stood: list[object] = []
        self._texts: dict[str, str] = {}

    def text(self, family: Family, minute: int) -> str:
        """Return the lines of one family. `look` says how far back the steady ones may be."""
        if family.is_steady:
            return self._texts[family.metric.name]
        write = family.lines
        return "".join([write(one, minute) for one in self._series])

    def look(self, minute: int) -> None:
        """See whether a series stands differently now."""
        stand: list[object] = [
            (line.good, line.stale, line.verdict, line.maintenance, line.certificate_expires_at)
            for line in [one.line for one in self._series]
        ]
        if stand != self._stood or not self._texts:
            self._stood = stand
            for metric, write, is_steady in FAMILIES:
                if is_steady:
                    self._texts[metric.name] = "".join([write(one, minute) for one in self._series])

"""This file is for what a contract says of the families of an exposition, and whether they are so."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from probes.bounds import Bounds
from probes.exposition import Exposition, Family, Sample
from probes.exposition_line import is_label, is_name
from probes.fields import Configured
from probes.outcome import Check, check, note
from probes.pii import find
from probes.shorten import shorten

MetricType = Literal["counter", "gauge", "histogram", "summary", "untyped", "info", "stateset", "gaugehistogram"]
DETECTORS = ("connection", "jwt", "bearer", "password", "email", "iban", "card", "phone")  # of what no label may hold
PARTS = frozenset({"le", "quantile"})  # labels that belong to the form of a family and not to what it says
_MISFITS_SHOWN = 3
_AWAY_S = 300.0  # Prometheus takes no value for that of now which is older (query.lookback-delta)


def _metric_name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"'{text}' is no metric name: letters, digits, _ and : only, no digit first")
    return text


def _label_name(text: str) -> str:
    if not is_label(text):
        raise ValueError(f"'{text}' is no label name: letters, digits and _ only, no digit first")
    return text


LabelName = Annotated[str, AfterValidator(_label_name)]


class FamilyContract(Configured):
    """One family that the exposition must have. What is not given is not looked at."""

    name: Annotated[str, AfterValidator(_metric_name)]  # as the text format has it: a counter with its `_total`
    type: MetricType | None = None  # as its TYPE line says
    labels: tuple[LabelName, ...] | None = None  # exactly these on every sample, `le` and `quantile` aside
    labels_at_least: tuple[LabelName, ...] = ()  # these, and others too
    label_values: dict[LabelName, tuple[str, ...]] = Field(default_factory=dict)  # all that a label may hold
    unit: str = ""  # that its name ends with, before `_total`: seconds, bytes
    help: bool = True  # that it has a HELP line with a text
    optional: bool = False  # true: it may be missing; if it is there it must be as said here
    samples: Bounds | None = None  # how many there must be
    values: Bounds | None = None  # that every value must keep
    buckets: tuple[float, ...] | None = None  # the bounds of a histogram, +Inf aside

    @model_validator(mode="after")
    def _fitting(self) -> FamilyContract:
        if self.labels is not None and self.labels_at_least:
            raise ValueError("give either 'labels' or 'labels_at_least'")
        if self.buckets is not None and self.type not in ("histogram", "gaugehistogram"):
            raise ValueError("'buckets' needs the type histogram")
        known = self.labels if self.labels is not None else None
        strange = next((name for name in self.label_values if known is not None and name not in known), None)
        if strange is not None:
            raise ValueError(f"'label_values' names '{strange}', which is none of its 'labels'")
        if self.unit and not self.name.removesuffix("_total").endswith(f"_{self.unit}"):
            raise ValueError(f"the name does not end with the unit '{self.unit}'")
        return self


class Agreed(Configured):
    """The families of a system, as `contract:` names them or `families:` lists them."""

    families: tuple[FamilyContract, ...] = Field(min_length=1)
    ids: tuple[str, ...] = ()  # labels that hold ids by agreement, such as tenant_id


def judged(wanted: Sequence[FamilyContract], constant: Sequence[str], made: Exposition) -> Iterator[Check]:
    """Return one check for each family of a contract, and a note for what could not be looked at."""
    for one in wanted:
        family = made.family(one.name)
        if family is None:
            yield (
                note(f"{one.name} is there", f"{one.name} is not there, which it may be") if one.optional else _missing(one, made)
            )
            continue
        misfits = list(_misfits(one, frozenset(constant), family, made))
        shown = "; ".join(misfits[:_MISFITS_SHOWN]) + (f"; and {len(misfits) - 3} more" if len(misfits) > 3 else "")
        yield check(
            f"{one.name} is as agreed",
            holds=not misfits,
            expected=_wanted(one),
            observed=shown or "as agreed",
            say=f"the metric {one.name} {shown}",
        )
        looks = one.labels or one.labels_at_least or one.label_values or one.values or one.buckets
        if not family.count and looks and one.samples is None:
            yield note(f"the samples of {one.name}", f"{one.name} has no sample yet, so its labels and values were not looked at")


def of_now(made: Exposition, now_s: float) -> Iterator[Check]:
    """Yield whether the samples that carry a time carry that of now; nothing where none does, as usual."""
    timed = [(sample, now_s - sample.at_s) for _, sample in made.samples() if sample.at_s is not None]
    wrong = [(sample, ago) for sample, ago in timed if not abs(ago) <= _AWAY_S]
    if not timed:
        return
    said = ""
    if wrong:
        sample, ago = wrong[0]
        more = f", and {len(wrong) - 1} more samples" if len(wrong) > 1 else ""
        said = f"{sample.shape} carries a time {abs(ago):.0f} s {'ago' if ago > 0 else 'ahead'} (line {sample.line}){more}"
    yield check(
        "samples that carry a time are of now",
        holds=not wrong,
        expected=f"within {_AWAY_S:g} s of now",
        observed=said or f"{len(timed)} of now",
        say=f"{said}, so that its value is not that of now",
    )


def _missing(one: FamilyContract, made: Exposition) -> Check:
    near = difflib.get_close_matches(one.name, list(made.families), 1, 0.75)
    like = f"; there is {near[0]} in line {made.families[near[0]].line}" if near else ""
    return check(
        f"{one.name} is there",
        holds=False,
        expected=_wanted(one),
        observed="no such family",
        say=f"the metric {one.name} is missing among {len(made.families)} families{like}",
    )


def _wanted(one: FamilyContract) -> str:
    labels = one.labels if one.labels is not None else one.labels_at_least
    return f"{one.type or 'any type'}" + (f" with {', '.join(labels)}" if labels else "")


def _misfits(one: FamilyContract, constant: frozenset[str], family: Family, made: Exposition) -> Iterator[str]:
    kind = family.type if family.type not in ("", "unknown") else "untyped"
    if one.type is not None and kind != one.type:
        yield f"is {_a(kind)} instead of {_a(one.type)} (line {family.line})"
    if one.help and not (family.help or "").strip():
        yield f"has no HELP text (line {family.line})"
    yield from _label_misfits(one, constant, family)
    if one.samples is not None and not one.samples.holds(family.count):
        yield f"has {family.count} sample{'s' * (family.count != 1)}, expected a number that {one.samples} (line {family.line})"
    if one.buckets is not None and family.count and (odd := _bucket_misfit(one.buckets, family)):
        yield odd
    yield from _value_misfits(one, family)


def _label_misfits(one: FamilyContract, constant: frozenset[str], family: Family) -> Iterator[str]:
    for shape, line in family.shapes.items():
        has = frozenset(shape) - PARTS
        exact = frozenset(one.labels) if one.labels is not None else None
        missing = (exact if exact is not None else frozenset(one.labels_at_least)) - has
        extra = has - exact - constant if exact is not None else frozenset()
        if missing:
            yield f"lacks the label {', '.join(sorted(missing))} (line {line})"
        if extra:
            yield f"has the label {', '.join(sorted(extra))}, which was not agreed (line {line})"
        if missing or extra:
            return


def _bucket_misfit(wanted: Sequence[float], family: Family) -> str:
    has = sorted(le for le in family.les if math.isfinite(le))
    if has == sorted(wanted):
        return ""
    shown = ", ".join(f"{le:g}" for le in has[:15])
    return f"has the buckets {shown or 'none'} instead of {', '.join(f'{le:g}' for le in sorted(wanted))} (line {family.line})"


def _value_misfits(one: FamilyContract, family: Family) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for sample in family.samples:
        if one.values is not None and not one.values.holds(sample.value):
            yield f"is {sample.value:g}, expected that it {one.values} (line {sample.line})"
            return
        for name, allowed in one.label_values.items():
            value = sample.label(name)
            if value not in allowed and (name, value) not in seen and len(seen) < _MISFITS_SHOWN:
                seen.add((name, value))
                shown = (
                    "a value that is not shown" if find(f'{name}="{value}"', DETECTORS) else f"the value '{shorten(value, 40)}'"
                )
                said = f"has the label {name} with {shown}, which is none of {', '.join(allowed)}"
                yield f"{said} (line {sample.line})"


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def series_of(made: Exposition) -> Mapping[Any, tuple[Family, Sample]]:
    """Return the samples that were kept, by what identifies their series."""
    return {(sample.name, frozenset(sample.labels)): (family, sample) for family, sample in made.samples()}

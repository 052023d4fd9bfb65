"""This file is for the names of the metrics: by Prometheus's own rules, each once, and in the docs byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.metrics.names import ALL, Kind, Metric
from reports.metrics.reference import markdown

DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_docs_are_what_the_code_says() -> None:
    assert DOCS.read_text(encoding="utf-8") == markdown(), "write it anew: make docs"


def test_no_name_is_there_twice() -> None:
    assert len({metric.name for metric in ALL}) == len(ALL)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_a_name_follows_the_conventions(metric: Metric) -> None:
    """Source: Prometheus documentation, practices: metric and label naming."""
    assert re.fullmatch(r"vedette_[a-z0-9_]+[a-z0-9]", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not re.search(r"_(ms|us|minutes|hours|days|percent|kb|mb)\b", metric.name)
    assert not set(metric.labels) & {"le", "quantile", "job", "instance", "__name__"}
    assert metric.help.endswith(".") and "\n" not in metric.help and "\\" not in metric.help
    assert list(metric.buckets) == sorted(set(metric.buckets)) and bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)

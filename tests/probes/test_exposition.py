"""This file is for reading expositions strictly: what is sound is read as others read it, what is not is named at its line."""

from __future__ import annotations

import math
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, SummaryMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from probes.exposition import LONGEST_LINE, Exposition, Reader, read

SOUND = b"""# HELP http_requests_total Requests, by \\\\ and \\n.
# TYPE http_requests_total counter
http_requests_total{method="GET",status="200"} 17
http_requests_total{method="GET",status="500",} 2 1700000000123
# a comment
# EOF is one too

# TYPE temperature gauge
temperature -3.5e1
temperature{room="a\\"b\\\\c\\nd"} NaN
 temperature { room = "kitchen" , floor="1" }   +Inf
# TYPE d_seconds histogram
d_seconds_bucket{le="0.1"} 1
d_seconds_bucket{le="1"} 3
d_seconds_bucket{le="+Inf"} 4
d_seconds_sum 5.5
d_seconds_count 4
# TYPE s summary
s{quantile="0.5"} 0.25
s_sum 10
s_count 3
untyped_thing 1
# TYPE empty_total counter
"""
OPEN = b"""# TYPE http_requests counter
# HELP http_requests Requests.
http_requests_total{method="GET"} 17.0 1700000000.123 # {trace_id="abc"} 0.5 1700000000
http_requests_created{method="GET"} 1.6e9
# TYPE d_seconds histogram
# UNIT d_seconds seconds
d_seconds_bucket{le="0.1"} 1 # {trace_id="x"} 0.05
d_seconds_bucket{le="+Inf"} 4
d_seconds_sum 5.5
d_seconds_count 4
# TYPE build info
build_info{version="1"} 1
# TYPE feature stateset
feature{feature="a"} 1
feature{feature="b"} 0
# EOF
"""


def values(made: Exposition) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {(s.name, frozenset(s.labels)): s.value for _, s in made.samples()}


def test_a_sound_text_is_read_whole() -> None:
    made = read(SOUND)
    assert made.mistakes == []
    assert {name: (f.type, f.count) for name, f in made.families.items()} == {
        "http_requests_total": ("counter", 2),
        "temperature": ("gauge", 3),
        "d_seconds": ("histogram", 5),
        "s": ("summary", 3),
        "untyped_thing": ("", 1),
        "empty_total": ("counter", 0),
    }
    assert made.families["http_requests_total"].help == "Requests, by \\ and \n."
    second = made.families["http_requests_total"].samples[1]
    assert (second.line, second.at_s, second.label("status")) == (4, 1700000000.123, "500")
    room = made.families["temperature"].samples[1]
    assert (room.label("room"), math.isnan(room.value)) == ('a"b\\c\nd', True)
    assert made.families["d_seconds"].les == {0.1, 1.0, math.inf}


def test_sound_openmetrics_is_read_whole() -> None:
    made = read(OPEN, openmetrics=True)
    assert made.mistakes == []
    counter = made.family("http_requests_total")
    assert counter is not None and counter is made.families["http_requests"]
    exemplar = counter.samples[0].exemplar
    assert exemplar is not None and (exemplar.labels, exemplar.value, exemplar.at_s) == (
        (("trace_id", "abc"),),
        0.5,
        1700000000.0,
    )
    assert made.families["d_seconds"].unit == "seconds"
    assert made.owner("d_seconds_bucket") is made.families["d_seconds"]
    assert (made.family("nothing_total"), made.owner("nothing_count")) == (None, None)


HISTOGRAM = '# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n'
WRONG: list[Any] = [
    pytest.param('a{x="1"} 1\na{x="1"} 2\n', 2, "the series a{x} stands there twice (first in line 1)", id="series twice"),
    pytest.param('a{x="1",y="2"} 1\na{y="2",x="1"} 2\n', 2, "stands there twice", id="series twice in another order"),
    pytest.param("# TYPE a gauge\n# TYPE a gauge\na 1\n", 2, "a has a second TYPE", id="TYPE twice"),
    pytest.param("# HELP a x\n# HELP a y\na 1\n", 2, "a has a second HELP", id="HELP twice"),
    pytest.param("a 1\n# TYPE a gauge\n", 2, "TYPE of a stands after its samples (line 1)", id="TYPE after samples"),
    pytest.param('h_bucket{le="1"} 1\n# TYPE h histogram\n', 2, "TYPE of h stands after its samples", id="TYPE after buckets"),
    pytest.param('a{x="1"} 1\nb 1\na{x="2"} 1\n', 3, "a{x} stands after b, apart from the rest of a", id="interleaved"),
    pytest.param("a 1\nb 1\n# HELP a x\n", 3, "HELP of a comes again after another family", id="HELP elsewhere"),
    pytest.param("# TYPE a countr\na 1\n", 1, "the type 'countr', which is none of counter, gauge", id="unknown type"),
    pytest.param("# TYPE h histogram\nh 1\n", 2, "a sample is called h_bucket or h_sum or h_count, not h", id="bare histogram"),
    pytest.param("# TYPE a counter\na -1\n", 2, "the counter a is -1", id="negative counter"),
    pytest.param("# TYPE a counter\na NaN\n", 2, "the counter a is nan", id="counter without a number"),
    pytest.param('a{x="1" 1\n', 1, "a ',' or '}' is missing after the label x of a at column 9", id="brace"),
    pytest.param('a{x="1"y="2"} 1\n', 1, "a ',' or '}' is missing after the label x", id="comma"),
    pytest.param("a{x=1} 1\n", 1, "the value of the label x of a is not in quotes", id="no quotes"),
    pytest.param('a{x="1} 1\n', 1, "the value of the label x of a is not closed by a quote", id="quote not closed"),
    pytest.param('a{1x="1"} 1\n', 1, "a label name of a is missing at column 3", id="label name"),
    pytest.param('a{x="1",x="2"} 1\n', 1, "the label x of a stands there twice", id="label twice"),
    pytest.param('a{x="\\q"} 1\n', 1, "the escape '\\q', which there is not", id="escape"),
    pytest.param("a\n", 1, "the value of a is missing", id="no value"),
    pytest.param("a one\n", 1, "the value of a is no number: 'one'", id="word"),
    pytest.param("a 1_000\n", 1, "the value of a is no number", id="underscore"),
    pytest.param("a 1e\n", 1, "the value of a is no number", id="half a number"),
    pytest.param("a 0x10\n", 1, "the value of a is no number", id="hexadecimal"),
    pytest.param("a 1 now\n", 1, "the timestamp of a is no number", id="timestamp"),
    pytest.param("a 1 1.5\n", 1, "no whole number of milliseconds", id="timestamp with a point"),
    pytest.param('a 1 # {x="1"} 1\n', 1, "an exemplar, which the text format 0.0.4 does not know", id="exemplar in text"),
    pytest.param("a 1 2 3\n", 1, "something after the value", id="too much"),
    pytest.param("a 1\r\n", 1, "ends with a carriage return", id="CRLF"),
    pytest.param("1a 1\n", 1, "a metric name is missing at column 1", id="metric name"),
    pytest.param("# TYPE 1a gauge\n", 1, "a TYPE line names no family", id="TYPE of nothing"),
    pytest.param(b'a{x="\xff"} 1\n', 1, "byte 6 of the line is not UTF-8", id="UTF-8"),
    pytest.param("a 1\nb 2", 2, "does not end with a line feed", id="last line"),
    pytest.param("a " + "1" * (LONGEST_LINE + 70_000), 1, "the line is longer than 256 KiB", id="long line"),
    pytest.param(HISTOGRAM.replace("+Inf", "2"), 2, 'no bucket le="+Inf"', id="no +Inf"),
    pytest.param(HISTOGRAM.replace("h_count 3", "h_count 4"), 2, 'counts 4, but its bucket le="+Inf" holds 3', id="count"),
    pytest.param(HISTOGRAM.replace('"1"} 2', '"1"} 9'), 3, "are not cumulative: le=inf holds 3 after 9", id="cumulative"),
    pytest.param(HISTOGRAM.replace("h_sum 4\n", ""), 2, "has no h_sum", id="no sum"),
    pytest.param(HISTOGRAM.replace("h_count 3\n", ""), 2, "has no h_count", id="no count"),
    pytest.param(HISTOGRAM.replace('le="1"', 'lf="1"'), 2, "has no label le that is a number", id="no le"),
    pytest.param(
        '# TYPE h histogram\nh_bucket{le="2"} 1\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
        3,
        "not stand in ascending order of le (1 comes after 2)",
        id="le order",
    ),
    pytest.param("# TYPE s summary\ns 1\ns_sum 1\ns_count 1\n", 2, "no label quantile from 0 to 1", id="no quantile"),
    pytest.param("# TYPE s summary\ns_sum 1\ns_count -1\n", 3, "a count is never negative", id="negative count"),
    pytest.param("# TYPE s summary\n# TYPE s_count gauge\ns_count 1\n", 2, "would belong to s_count and to s", id="clash"),
]
WRONG_OPEN: list[Any] = [
    pytest.param("a 1\n", 1, "does not end with '# EOF'", id="no EOF"),
    pytest.param("# EOF\na 1\n", 2, "something after '# EOF'", id="after EOF"),
    pytest.param("# hello\n# EOF\n", 1, "OpenMetrics has no comments", id="comment"),
    pytest.param("\n# EOF\n", 1, "OpenMetrics has no empty lines", id="empty line"),
    pytest.param("# TYPE a counter\na 1\n# EOF\n", 2, "a sample is called a_total or a_created, not a", id="no _total"),
    pytest.param("# UNIT a seconds\n# EOF\n", 1, "has the unit seconds, but its name does not end with _seconds", id="unit"),
    pytest.param('# TYPE a gauge\na 1 # {x="1"} 1\n# EOF\n', 2, "which only counters and buckets may have", id="exemplar"),
    pytest.param('# TYPE a counter\na_total 1 # {x="' + "1" * 129 + '"} 1\n# EOF\n', 2, "more than 128 char", id="long exemplar"),
    pytest.param('# TYPE a info\na_info{x="1"} 2\n# EOF\n', 2, "is 2 instead of 1", id="info"),
    pytest.param('# TYPE a stateset\na{b="x"} 1\n# EOF\n', 2, "have a label a", id="state set"),
    pytest.param("# TYPE a untyped\n# EOF\n", 1, "the type 'untyped', which is none of", id="untyped"),
]


@pytest.mark.parametrize(("text", "line", "hint"), WRONG)
def test_what_is_wrong_is_named_at_its_line(text: str | bytes, line: int, hint: str) -> None:
    made = read(text.encode() if isinstance(text, str) else text)
    assert [m.line for m in made.mistakes][:1] == [line]
    assert hint in made.mistakes[0].say


@pytest.mark.parametrize(("text", "line", "hint"), WRONG_OPEN)
def test_what_is_wrong_in_openmetrics_is_named_at_its_line(text: str, line: int, hint: str) -> None:
    made = read(text.encode(), openmetrics=True)
    assert (made.mistakes[0].line, hint in made.mistakes[0].say) == (line, True), made.mistakes


def test_no_sentence_holds_a_label_s_value() -> None:
    said = [
        str(m)
        for body in (p.values[0] for p in WRONG)
        for m in read(str(body).replace('"1"', '"anna@example.org"').encode()).mistakes
    ]
    assert len(said) > 20 and not [one for one in said if "anna" in one]


def test_after_a_thousand_mistakes_the_first_are_shown_and_all_are_counted() -> None:
    made = read(b"a one\n" * 1000)
    assert (len(made.mistakes), made.mistakes_total) == (20, 1000)


@given(st.integers(1, 40), st.booleans())
def test_where_the_bytes_are_broken_makes_no_difference(size: int, openmetrics: bool) -> None:
    body = OPEN if openmetrics else SOUND
    reader = Reader(openmetrics=openmetrics)
    for start in range(0, len(body), size):
        reader.feed(body[start : start + size])
    made, whole = reader.close(), read(body, openmetrics=openmetrics)
    assert (made.mistakes, made.lines, repr(list(made.samples()))) == ([], whole.lines, repr(list(whole.samples())))


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6).map(float)
LABELS = st.dictionaries(st.sampled_from(["a", "b", "c_1"]), TEXTS, max_size=3)


class Collected:
    def __init__(self, *families: Any) -> None:
        self.families = families

    def collect(self) -> Any:
        return self.families


@given(
    st.lists(LABELS, max_size=4, unique_by=lambda one: tuple(sorted(one.items()))),
    st.lists(NUMBERS, min_size=4, max_size=4),
    st.lists(st.integers(0, 50), min_size=3, max_size=3),
    TEXTS,
)
def test_what_the_reference_client_writes_is_read_as_it_was_meant(
    labels: list[dict[str, str]], numbers: list[float], counts: list[int], help_text: str
) -> None:
    gauge, counter = GaugeMetricFamily("g_value", help_text), CounterMetricFamily("c", "counts")
    for one, value in zip(labels, numbers, strict=False):
        gauge.add_sample("g_value", one, value)
        counter.add_sample("c_total", one, abs(value))
    steps = [sum(counts[: n + 1]) for n in range(3)]
    histogram, summary = HistogramMetricFamily("h", "times", labels=["a"]), SummaryMetricFamily("s", "sizes", labels=["a"])
    histogram.add_metric([help_text], [("0.5", steps[0]), ("2.0", steps[1]), ("+Inf", steps[2])], sum_value=1.5)
    summary.add_metric([help_text], count_value=steps[2], sum_value=2.5)
    registry: Any = Collected(gauge, counter, histogram, summary)
    for openmetrics, write, oracle in ((False, generate_latest, read_text), (True, generate_openmetrics, read_openmetrics)):
        text = write(registry)
        made = read(text, openmetrics=openmetrics)
        assert made.mistakes == [], text
        theirs = {(s.name, frozenset(s.labels.items())): s.value for f in oracle(text.decode()) for s in f.samples}
        assert values(made) == theirs


@given(st.binary(max_size=300) | st.text(alphabet='ab_{}=",\\ 0123.eE+-#\nHELPTYPE counter', max_size=300).map(str.encode))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    for openmetrics in (False, True):
        made = read(body, openmetrics=openmetrics)
        assert made.mistakes_total >= len(made.mistakes)


@given(st.text(alphabet='a{x="1",y} 2\n\\#', max_size=40))
def test_whatever_is_read_without_a_mistake_the_reference_client_reads_alike(text: str) -> None:
    made = read(f"{text}\n".encode())
    if made.mistakes or "#" in text:
        return
    theirs = {(s.name, frozenset(s.labels.items())): s.value for f in read_text(f"{text}\n") for s in f.samples}
    assert values(made) == theirs


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'a{x="' + b"\\" * 200_000, id="backslashes"),
        pytest.param(b'a{x="' + b'\\"' * 100_000 + b'"} one', id="escaped quotes"),
        pytest.param(b"a{" + b'x="",' * 40_000, id="labels"),
        pytest.param(b"a" * 200_000 + b"{", id="name"),
        pytest.param(b"a " + b" " * 200_000 + b"x", id="blanks"),
        pytest.param(b"a " + b"1" * 200_000 + b"x", id="digits"),
        pytest.param(b"# HELP " + b" " * 200_000, id="help"),
        pytest.param(b"a{" + b"} } " * 50_000, id="braces"),
    ],
)
def test_a_hostile_line_costs_no_more_than_its_length(line: bytes) -> None:
    began = time.process_time()
    assert read(line + b"\n").mistakes
    assert time.process_time() - began < 1


def test_many_samples_are_read_in_little_memory() -> None:
    piece = "".join(f'r_total{{method="GET",route="/things/{{}}",n="{n}"}} {n}\n' for n in range(1000))

    def feed(reader: Reader, rounds: int) -> None:
        for number in range(rounds):
            reader.feed(piece.replace("GET", f"M{number}").encode())

    tracemalloc.start()
    try:
        reader = Reader(openmetrics=False)
        feed(reader, 10)
        made = reader.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (made.mistakes, made.samples_total) == ([], 10_000)
    assert peak < 12_000_000  # of which the samples that are kept take the most


def test_only_what_is_wanted_is_kept_of_very_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.exposition._KEPT_AT_MOST", 3)
    reader = Reader(openmetrics=False, keep=lambda name: name == "wanted")
    reader.feed(b"".join(b'%s{n="%d"} 1\n' % (name, n) for name in (b"other", b"wanted") for n in range(10)))
    made = reader.close()
    assert ({name: len(f.samples) for name, f in made.families.items()}, made.all_kept) == ({"other": 3, "wanted": 10}, False)


@pytest.mark.parametrize(
    ("limit", "hint"), [("_SAMPLES_AT_MOST", "more than 5 samples"), ("_FAMILIES_AT_MOST", "more than 5 families")]
)
def test_there_is_an_end_to_what_is_read(limit: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"probes.exposition.{limit}", 5)
    made = read(b"".join(b"a%d 1\n" % n for n in range(100)))
    assert (made.mistakes_total, hint in made.mistakes[0].say, made.lines) == (1, True, 6)


def test_an_info_of_openmetrics_is_found_by_the_name_of_its_sample() -> None:
    made = read(b'# TYPE build info\n# HELP build Build.\nbuild_info{version="1"} 1\n# EOF\n', openmetrics=True)
    assert not made.mistakes
    family = made.family("build_info")
    assert family is not None and family.name == "build"

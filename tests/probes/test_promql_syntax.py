"""This file is for the check of PromQL before anything is asked: it refuses what Prometheus refuses, and nothing else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.promql_nodes import SCALAR, VECTOR, selectors
from probes.promql_syntax import PromqlError, parse, selector

VALID = """
up
up{job="api"}
{job="api"}
{__name__="up"}
{__name__=~"http_.+", code!="200"}
http_requests_total{status=~"5..",method!~"GET|HEAD",}
http_requests_total{}
a:recorded:sum5m
rate(http_requests_total[5m])
rate(http_requests_total{status=~"5.."}[1h30m])
increase(x[1d] offset 1w)
sum(rate(x[5m])) by (route)
sum by (route, method,) (rate(x[5m]))
sum without() (x)
SUM(x)
sum(rate(x{status=~"5.."}[5m])) / sum(rate(x[5m])) > 0.05
sum(rate(errors_total[5m])) or vector(0)
histogram_quantile(0.99, sum by (le) (rate(d_bucket[5m])))
time() - max(last_backup_timestamp_seconds)
time() - push_time_seconds > 86400
absent(up{job="api"})
absent_over_time(up[5m])
topk(5, x)
topk by (a) (5, x)
quantile(0.9, x)
count_values("version", build_info)
-x
-2 ^ 2
1 + 2 * 3 ^ 2 ^ 1
1 == bool 1
x == bool on(a) y
x > 1
1 < x
x and y unless z or w
x / on(a, b) group_left(c) y
x * ignoring(a) group_right y
x / on() y
max_over_time(x[5m:1m])
max_over_time(rate(x[5m])[30m:])
avg_over_time((x + y)[1h:5m])
x offset 5m
x offset -5m
x[5m] @ 1600000000
rate(x[5m] @ end())
x @ start() offset 5m
x @ 1.5
label_replace(up, "a", "$1", "b", "(.*)")
label_join(up, "a", ",", "b", "c", "d")
round(x)
round(x, 0.5)
day_of_week()
day_of_week(x)
clamp(x, 0, 1)
scalar(x)
vector(1)
pi()
1
0x1F
1e3
.5
5.
Inf
-inf
NaN
"text"
'te\\'xt'
`raw \\ text`
"\\x41\\u00e4\\n\\101"
x # a comment
((x))
(x)
rate((x[5m]))
x % 2
x atan2 y
(x > 5) * 2
sum(x) by (on)
x{on="1", by="2", offset="3"}
sum
count{a="b"}
by_status
offset
and and and
by
rate(x[1y2w3d4h5m6s7ms])
holt_winters(x[5m], 0.5, 0.5)
predict_linear(node_filesystem_free_bytes[6h], 4 * 3600) < 0
delta(x[5m]) == 0
group(x)
sort_desc(x)
last_over_time(x[1h])
present_over_time(x[1h])
x{a=""}
x{a!=""}
x{a=~"(a|b)+c{2,3}\\\\d"}
(sum(a) > 0.05) and (histogram_quantile(0.95, sum(rate(b_bucket[5m])) by (le)) > 2)
stddev_over_time(x[5m]) * 3 + avg_over_time(x[5m])
sgn(x)
timestamp(x)
x > -1
x * -1
1 - -1
x{a="ä"}
"""

INVALID = """
up{
up}
up{job}
up{job=}
up{job=api}
up{job="api}
up{job=="api"}
up{job="a" b="c"}
up{,}
{}
{job=""}
{job=~".*"}
{a!="b"}
up{__name__="up"}
rate(x)
rate(x[5m]
rate(x[5])
rate(x[5q])
rate(x[5m5m])
rate(x[5s5m])
rate(x[0s])
rate(x[5m:1m)
rate(5)
rate()
rate(x[5m], 2)
rat(x[5m])
sum()
sum(1)
sum(x[5m])
sum(x, y)
sum by route (x)
sum(x) by (a:b)
topk(x)
topk("5", x)
count_values(5, x)
histogram_quantile(x, y)
x +
+
* x
x y
x ==
1 == 1
1 > 2
1 and 2
x and 1
x + bool 1
x[5m] + 1
x[5m] > 1
x on(a) y
x + on(a) 1
x and on(a) group_left y
x + on(a) group_left(a) y
(x)[5m]
(x) offset 5m
x[5m][5m]
x offset 5m [5m]
x offset
x offset 5
x @
x @ 5m
x @ foo()
sum(x) @ 5
-"text"
"a" + "b"
"unclosed
'unclosed
"\\q"
label_replace(up, "a", "b")
day_of_week(1)
clamp(x, 0)
time(5)
scalar(5)
vector(x)
1..2
1e
0x
x{a=~"("}
x{a=~"*"}
x{a=~"(?<=b)"}
x{a:b="c"}
x @@ 1
x & y
x = 5
x => 5
x =~ "a"
x ! y
on
bool
ignoring(a)
sum by
x,y
()
[5m]
rate(x[5m])[5m]
x[5m:1m][5m]
max_over_time(5[5m:1m])
rate(x[])
x{}{}
x[-5m]
5m
1m30
x; y
x == 5m_rate
$x
x{a="b",,c="d"}
f(x,)
abs(x,)
x atan2
x bool == 1
"""


def cases(text: str) -> list[str]:
    return [line for line in text.strip("\n").split("\n") if line.strip() or line]


def refused(expression: str) -> str:
    try:
        parse(expression)
    except PromqlError as problem:
        return str(problem)
    return ""


@pytest.mark.parametrize("expression", cases(VALID))
def test_what_parses_is_taken(expression: str) -> None:
    assert refused(expression) == ""


@pytest.mark.parametrize("expression", cases(INVALID))
def test_what_does_not_parse_is_refused_with_its_column(expression: str) -> None:
    assert re.fullmatch(r"this is not PromQL: .+ \(column \d+\)", refused(expression), re.DOTALL)


def test_prometheus_itself_takes_and_refuses_the_same(require: Callable[[str, bool], None], tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    require("promtool (Debian's package prometheus)", promtool is not None)
    everything = cases(VALID) + cases(INVALID)
    rules = [{"record": "r", "labels": {"number": str(n)}, "expr": e} for n, e in enumerate(everything)]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}))
    done = subprocess.run([str(promtool), "check", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False)
    theirs = {int(n) - 1 for n in re.findall(r'rule (\d+), "r": could not parse expression', done.stdout + done.stderr)}
    ours = {n for n, e in enumerate(everything) if refused(e)}
    assert [everything[n] for n in ours ^ theirs] == []
    assert len(theirs) > 80


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        pytest.param("rate(x)", "'rate' needs a range, not an instant vector; write for example [5m]", id="no range"),
        pytest.param("rat(x[5m])", "did you mean 'rate'?", id="misspelt"),
        pytest.param("sum(rate(x[5m])", "',' or ')' is missing before the end (column 16)", id="not closed"),
        pytest.param('x{a=~"("}', "is not a regular expression", id="regex"),
        pytest.param("x[5]", "a range needs a duration such as 5m, not '5'", id="no unit"),
        pytest.param("(" * 100 + "x" + ")" * 100, "nested more than 60 levels deep", id="deep"),
        pytest.param("x" * 20_000, "longer than 10000 characters", id="long"),
    ],
)
def test_the_refusal_says_what_would_be_right(expression: str, hint: str) -> None:
    assert hint in refused(expression)


def test_the_kind_and_the_series_of_an_expression_are_known() -> None:
    node = parse('sum(rate(e_total{code=~"5.."}[5m] offset 1h)) / sum(rate(e_total[5m])) unless absent(gone)')
    assert node.kind == VECTOR
    assert [str(one) for one in selectors(node)] == ['e_total{code=~"5.."}', "e_total"]
    assert parse("time() - 5").kind == SCALAR
    assert selectors(parse("vector(1) or 2 * time() * vector(3)")) == []


def test_a_selector_selects_as_prometheus_does() -> None:
    one = selector('http_requests_total{status=~"5..", method!="HEAD", zone=""}')
    assert one.selects("http_requests_total", {"status": "503", "method": "GET"})
    assert not one.selects("http_requests_total", {"status": "5033", "method": "GET"}), "expressions are anchored"
    assert not one.selects("http_requests_total", {"status": "503", "method": "HEAD"})
    assert not one.selects("http_requests_total", {"status": "503", "zone": "a"})
    assert not one.selects("http_requests", {"status": "503"})
    with pytest.raises(PromqlError, match="should be a name with conditions on labels"):
        selector("rate(x[5m])")


@given(st.text(alphabet="x{}()[]\"'`\\=~!<>+-*/%^@,:. 5msbyonrate\n#_", max_size=60))
def test_no_text_breaks_the_check(expression: str) -> None:
    refused(expression)


@pytest.mark.parametrize(
    "hard", ['"' + "\\" * 9_990, "a" * 9_990 + "{", "1" * 9_990 + "x", "x+" * 4_000, "- " * 4_000, "5m" * 4_000]
)
def test_a_hostile_expression_costs_little_time(hard: str) -> None:
    began = time.process_time()
    assert refused(hard)
    assert time.process_time() - began < 1

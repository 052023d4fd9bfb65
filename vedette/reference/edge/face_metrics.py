"""This file is for an exposition of metrics: a small shop that counts what it is asked, soundly or not."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from vedette.reference.fault import Fault
from vedette.reference.server import HttpServer, Request, Response, html_response, json_response


def _fault(name: str, story: str, *hint: str, vacuity: bool = False) -> Fault:
    return Fault(f"metrics_{name}", "metrics_contract", story, hint, vacuity=vacuity, system="edge")


FAULTS = (
    _fault("family_renamed", "a refactoring named the gauge after its class", "edge_queue_depth is missing", "edge_queue_size"),
    _fault("type_lost", "the gauge is declared as a counter", "edge_queue_depth is a counter instead of a gauge"),
    _fault("label_lost", "the label of the status was saved away", "edge_requests_total lacks the label status"),
    _fault("label_value_new", "a state was added that no dashboard knows", "the label status with the value 'stuck'"),
    _fault("email_in_label", "failed logins are counted by who tried", "the label user", "an email address"),
    _fault("route_raw", "the path is taken for the route, with its ids in it", "the label route", "raw path"),
    _fault("series_twice", "two registries are joined into one answer", "stands there twice"),
    _fault("not_cumulative", "a hand-made histogram counts each bucket by itself", "are not cumulative"),
    _fault("cut_off", "the answer is cut at a page of memory", "not well formed", "cut off"),
    _fault("needs_login", "the route was moved behind the login", "the metrics are not served", "401"),
    _fault("html", "the front end answers for the unknown route", "come as HTML"),
    _fault("cached", "a proxy keeps every answer for a minute", "come out of a cache"),
    _fault("counter_falls", "the counter is a gauge that is cleared by each look at it", "edge_orders_total", "fell from"),
    _fault("not_counted", "the middleware that counts was not registered", "moved by 0 instead of at least 3"),
    _fault("errors_many", "one request in ten fails", "the error ratio is 0.1"),
    _fault("slow", "a tenth of the requests takes seconds", "the 95th percentile is"),
    _fault("cache_useless", "the cache's key holds the time of day", "the cache hit ratio is 0.1"),
    _fault("frozen", "the exposition is written to a file by a job that died", "stood still", vacuity=True),
    _fault(
        "two_replicas", "a load balancer stands before the replicas, and each scrape is of another", "two processes", vacuity=True
    ),
    _fault(
        "busy",
        "the counter counts the looks at it, so that it grows whatever is asked",
        "without any request of ours",
        vacuity=True,
    ),
    _fault("nothing_observed", "the histogram is declared and never fed", "counted nothing", vacuity=True),
)
MODULES: tuple[str, ...] = ()
_BUCKETS = (0.1, 0.5, 1.0, 5.0)
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def serve(bugs: Collection[str], folder: Path) -> AsyncIterator[Mapping[str, str]]:
    server = HttpServer(_Shop({bug.removeprefix("metrics_") for bug in bugs if bug.startswith("metrics_")}).handle)
    port = await server.start("127.0.0.1", 0)
    try:
        yield {"VEDETTE_EDGE_METRICS_URL": f"http://127.0.0.1:{port}"}
    finally:
        await server.stop()


class _Shop:
    """Counts every request but those for its metrics."""

    def __init__(self, bugs: Collection[str]) -> None:
        self._bugs = bugs
        self._requests = Counter({("/", "200"): 900, ("/", "500"): 100 if "errors_many" in bugs else 3})
        self._started = time.time() - 3600
        self._scrapes = 0

    async def handle(self, request: Request) -> Response:
        if request.path == "/metrics":
            return self._scraped()
        if "not_counted" not in self._bugs:
            known = request.path.startswith("/things/") and "route_raw" not in self._bugs
            self._requests["/things/:id" if known else request.path, "200"] += 1
        return json_response(200, {"thing": request.path.rpartition("/")[2]})

    def _scraped(self) -> Response:
        self._scrapes += 1
        if "needs_login" in self._bugs:
            return json_response(401, {"error": "unauthenticated"})
        if "html" in self._bugs:
            return html_response(200, "<!doctype html><div id=app></div>")
        text = "".join([self._counted(), self._timed(), self._others()])
        if "cut_off" in self._bugs:
            text = text[: len(text) // 2]
        headers = {"Content-Type": _TEXT} | ({"Age": "41"} if "cached" in self._bugs else {})
        return Response(200, text.encode(), headers)

    def _counted(self) -> str:
        lines = ["# HELP edge_requests_total Requests.", "# TYPE edge_requests_total counter"]
        requests = Counter(self._requests)
        if "busy" in self._bugs:
            requests["/things/:id", "200"] += 10 * self._scrapes
        for (route, status), many in requests.items():
            labels = f'route="{route}"' + ("" if "label_lost" in self._bugs else f',status="{status}"')
            if "label_lost" not in self._bugs or status == "200":
                lines.append(f"edge_requests_total{{{labels}}} {many}")
        return "\n".join([*lines, lines[-1], ""] if "series_twice" in self._bugs else [*lines, ""])

    def _timed(self) -> str:
        total = 0 if "nothing_observed" in self._bugs else sum(self._requests.values())
        slow = total // 10 if "slow" in self._bugs else 0
        shares = (total - slow, total - slow, total - slow, total)
        if "not_cumulative" in self._bugs:
            shares = (total, 0, 0, total)
        name, lines = "edge_request_duration_seconds", ["# HELP edge_request_duration_seconds Time.", ""]
        lines[1] = f"# TYPE {name} histogram"
        lines += [f'{name}_bucket{{le="{le:g}"}} {share}' for le, share in zip(_BUCKETS, shares, strict=True)]
        lines += [f'{name}_bucket{{le="+Inf"}} {total}', f"{name}_sum {0.04 * total + 3 * slow:g}", f"{name}_count {total}", ""]
        return "\n".join(lines)

    def _others(self) -> str:
        bugs, scrapes = self._bugs, 0 if "frozen" in self._bugs else self._scrapes
        queue = "edge_queue_size" if "family_renamed" in bugs else "edge_queue_depth"
        hits = 100 if "cache_useless" in bugs else 900
        started = self._started + (self._scrapes if "two_replicas" in bugs else 0)
        made = _family(queue, "counter" if "type_lost" in bugs else "gauge", {'{status="pending"}': 4, '{status="failed"}': 0})
        if "label_value_new" in bugs:
            made += f'{queue}{{status="stuck"}} 1\n'
        made += _family("edge_orders_total", "counter", {"": 50 - scrapes if "counter_falls" in bugs else 50})
        made += _family("edge_cache_hits_total", "counter", {"": hits})
        made += _family("edge_cache_misses_total", "counter", {"": 1000 - hits})
        made += _family("process_start_time_seconds", "gauge", {"": started})
        made += _family("process_cpu_seconds_total", "counter", {"": 12 + scrapes / 100})
        who = '{user="anna.b@firma.de"}' if "email_in_label" in bugs else '{reason="password"}'
        return made + _family("edge_auth_failures_total", "counter", {who: 2})


def _family(name: str, kind: str, values: Mapping[str, float]) -> str:
    samples = "".join(f"{name}{labels} {value!r}\n" for labels, value in values.items())
    return f"# HELP {name} {name.replace('_', ' ')}.\n# TYPE {name} {kind}\n{samples}"

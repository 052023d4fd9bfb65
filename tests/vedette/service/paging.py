"""This file is for a service whose pages can be looked at: it stores, deploys and has a calendar, all of them real."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

from probes.outcome import Verdict
from reports.deployments import Deployment, FirstRun, planned
from reports.store.ledger.deployments import Deployments
from reports.store.ledger.gates import GateLedger
from reports.store.ledger.maintenance import MaintenanceBook
from reports.store.sink import StoreSink
from scenarios.burn_in import DEFAULT_PHASES
from scenarios.events import OutcomeReady, RunFinished, RunStarted
from scenarios.model import Suite
from scenarios.watch.series import Watched
from tests.reports.sample_runs import mixed
from tests.vedette.service.living import series_of, storing, suite, tell, tick
from vedette.service.burn_in import BurnIns
from vedette.service.calendar import Calendar
from vedette.service.gate_opening import Opener
from vedette.service.gate_policies import Policies
from vedette.service.gates import Gates
from vedette.service.phase_evidence import Evidence
from vedette.service.state import Service
from vedette.service.versions import Versions

VOID = {"meta", "br", "link", "img", "input", "hr", "col"}


@contextlib.contextmanager
def with_pages(make_service: Callable[..., Service], *suites: Suite, **parts: Any) -> Iterator[Service]:
    """Yield a service with every part that pages read."""
    given = suites or (suite(),)
    with storing(make_service, *given, **parts) as service:
        where = service.settings.store
        deployments, ledger = Deployments(where), MaintenanceBook(where)
        service.calendar = Calendar(ledger, given)
        service.burn_ins = BurnIns(
            deployments, service.watcher, Evidence(service.history, "local", service.sink.flush), Versions(),
            make_run_sink=lambda: StoreSink(where),
        )  # fmt: skip
        gates = GateLedger(where)
        service.gates = Gates(gates, Policies(), Opener(gates, Policies(), service.history, location="local"))
        yield service
        deployments.close()
        ledger.close()
        gates.close()


def seen_for_an_hour(service: Service, bad: str = "", *, until: datetime | None = None) -> None:
    """Let every series have been asked for an hour; the one named `bad` fails at production since ten minutes."""
    now = until or service.clock()
    tell(service, *(tick(one, _verdict(one, bad, minutes), at=now - timedelta(minutes=minutes), version="1.4.2")
                    for one in series_of(service) for minutes in range(60, 0, -1)))  # fmt: skip


def _verdict(one: Watched, bad: str, minutes: int) -> Verdict:
    return Verdict.FAIL if (one.key.scenario, one.key.target) == (bad, "production") and minutes <= 10 else Verdict.PASS


def deployed(service: Service, version: str = "1.4.2", ago: timedelta = timedelta(minutes=20)) -> Deployment:
    """Note a deployment to production that is burning in."""
    at = service.clock() - ago
    made = Deployment(f"d-{version}", "shop", "production", "local", version, at, "ci", planned(DEFAULT_PHASES, at), "a <note>",
                      FirstRun("run-1", Verdict.PASS, "all passed"))  # fmt: skip
    service.burn_ins.ledger.begin([made])
    service.burn_ins._open[made.id] = made
    return made


def store_run(service: Service) -> str:
    """Store a run of every verdict as one after a deployment, and return its id."""
    result = mixed()
    run = replace(result.run, id="run-1", kind="deploy")
    sink = StoreSink(service.settings.store)
    sink.take(RunStarted(run, tuple(o.subject for o in result.outcomes)))
    for one in result.outcomes:
        sink.take(OutcomeReady(one))
    sink.take(RunFinished(replace(result, run=run)))
    sink.close()
    return run.id


class Nesting(HTMLParser):
    """Notes every tag that is closed in the wrong place, every id that is given twice, and every address that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        if tag != "a":  # which is for a person to follow
            self.loads += [found[name] for name in ("href", "src", "action") if name in found]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")


def nesting_of(text: str) -> Nesting:
    found = Nesting()
    found.feed(text)
    found.close()
    return found

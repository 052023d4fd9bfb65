"""This file is for the ledger of deployments: what was deployed where and when, and the verdicts of its burn-in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, insert, or_, select, update
from sqlmodel import col

from probes.outcome import Verdict
from reports.deployments import Deployment, DeploymentState, FirstRun, Phase
from reports.store.database import Database
from reports.store.ledger.tables import DeploymentRow, PhaseRow
from scenarios.burn_in import BurnInPhase

_DEPLOYMENTS: Any = DeploymentRow.__table__  # type: ignore[attr-defined]
_PHASES: Any = PhaseRow.__table__  # type: ignore[attr-defined]
Found = list[Deployment]


class Deployments:
    """The deployments of one store. Every method blocks, and raises StoreError where the store cannot be used."""

    def __init__(self, where: Path | str) -> None:
        self._database = Database(where)

    def begin(self, deployments: Sequence[Deployment]) -> Sequence[str]:
        """Keep new deployments, all or none, and end what they supersede; return the ids of those.

        A burn-in that has failed already stays failed: it ends, and its state tells more than that a newer one came.
        """
        superseded = []
        with self._database.writing() as connection:
            for deployment in deployments:
                superseded += _end_open_ones(connection, deployment)
                connection.execute(insert(DeploymentRow).values(_row(deployment)))
                connection.execute(insert(PhaseRow), [_phase_row(deployment.id, phase) for phase in deployment.phases])
        return superseded

    def link_run(self, deployment_id: str, run_id: str) -> None:
        """Keep which run asks the whole suite; what an earlier one, cut short by a restart, said is forgotten."""
        with self._database.writing() as connection:
            values = {"run_id": run_id, "run_verdict": None, "run_sentence": ""}
            connection.execute(update(DeploymentRow).where(col(DeploymentRow.id) == deployment_id).values(values))

    def end_run(self, deployment_id: str, run: FirstRun) -> None:
        """Keep what the run of the whole suite came to."""
        values = {"run_id": run.id, "run_verdict": run.verdict and run.verdict.value, "run_sentence": run.sentence}
        with self._database.writing() as connection:
            connection.execute(update(DeploymentRow).where(col(DeploymentRow.id) == deployment_id).values(values))

    def judge(self, deployment_id: str, judged: Phase, state: DeploymentState, ended_at: datetime | None) -> bool:
        """Keep the verdict of a phase with the state that follows from it, once.

        False when it has one already, or the burn-in was ended meanwhile: then nothing is changed.
        """
        assert judged.verdict is not None
        with self._database.writing() as connection:
            # The deployment first, and under its lock: cancelling and superseding change it as well.
            mine, still_open = col(DeploymentRow.id) == deployment_id, col(DeploymentRow.ended_at).is_(None)
            change = update(DeploymentRow).where(mine, still_open)
            if connection.execute(change.values(state=col(DeploymentRow.state))).rowcount != 1:
                return False
            unjudged = and_(
                col(PhaseRow.deployment_id) == deployment_id,
                col(PhaseRow.place) == judged.place,
                col(PhaseRow.judged_at).is_(None),
            )
            values = {
                "judged_at": judged.judged_at,
                "verdict": judged.verdict.value,
                "sentence": judged.sentence,
                "figures": dict(judged.figures),
            }
            if connection.execute(update(PhaseRow).where(unjudged).values(values)).rowcount != 1:
                return False
            connection.execute(change.values(state=state.value, ended_at=ended_at))
        return True

    def cancel(self, deployment_id: str, at: datetime) -> bool:
        """End a burn-in before its time; False when it is over already, or not there. One that failed stays failed."""
        with self._database.writing() as connection:
            return bool(_end(connection, col(DeploymentRow.id) == deployment_id, DeploymentState.CANCELLED, at))

    def get(self, deployment_id: str) -> Deployment | None:
        """Return one deployment, None where there is none of that id."""
        return next(iter(self._read(select(_DEPLOYMENTS).where(col(DeploymentRow.id) == deployment_id))), None)

    def list(self, limit: int = 50, before: str = "", *, suite: str | None = None, target: str | None = None) -> Found:
        """Return the newest first; `before` is the id of the last one of the page before."""
        at, own_id = col(DeploymentRow.deployed_at), col(DeploymentRow.id)
        wanted = select(_DEPLOYMENTS).order_by(at.desc(), own_id.desc()).limit(limit)
        if suite is not None:
            wanted = wanted.where(col(DeploymentRow.suite) == suite)
        if target is not None:
            wanted = wanted.where(col(DeploymentRow.target) == target)
        if before:
            last = select(at).where(own_id == before).scalar_subquery()
            wanted = wanted.where(or_(at < last, and_(at == last, own_id < before)))
        return self._read(wanted)

    def between(self, suite: str, target: str, since: datetime, until: datetime) -> Found:
        """Return what was deployed in a stretch of time, the oldest first: the markers of a chart."""
        at = col(DeploymentRow.deployed_at)
        wanted = select(_DEPLOYMENTS).where(_of(suite, target), at >= since, at < until)
        return self._read(wanted.order_by(at, col(DeploymentRow.id)))

    def current(self, suite: str, target: str) -> Deployment | None:
        """Return the newest deployment, however its burn-in ended."""
        newest = col(DeploymentRow.deployed_at).desc(), col(DeploymentRow.id).desc()
        return next(iter(self._read(select(_DEPLOYMENTS).where(_of(suite, target)).order_by(*newest).limit(1))), None)

    def unfinished(self, location: str) -> Found:
        """Return the burn-ins that the service of a location has to go on with, the oldest first."""
        wanted = select(_DEPLOYMENTS).where(col(DeploymentRow.ended_at).is_(None), col(DeploymentRow.location) == location)
        return self._read(wanted.order_by(col(DeploymentRow.deployed_at), col(DeploymentRow.id)))

    def newest(self, location: str) -> Found:
        """Return the newest deployment of each suite and target, as the service of a location was told."""
        suite, target, at = col(DeploymentRow.suite), col(DeploymentRow.target), col(DeploymentRow.deployed_at)
        here = select(suite, target, col(DeploymentRow.id)).where(col(DeploymentRow.location) == location)
        with self._database.reading() as connection:
            ids = {(row[0], row[1]): row[2] for row in connection.execute(here.order_by(at, col(DeploymentRow.id)))}
        return self._read(select(_DEPLOYMENTS).where(col(DeploymentRow.id).in_(ids.values())).order_by(suite, target))

    def versions(self, location: str) -> dict[tuple[str, str], str]:
        """Return the version deployed last, by suite and target, as the service of a location was told."""
        return {(one.suite, one.target): one.version for one in self.newest(location)}

    def close(self) -> None:
        self._database.close()

    def _read(self, wanted: Select[Any]) -> Found:
        with self._database.reading() as connection:
            found = connection.execute(wanted).mappings().all()
            phases: dict[str, list[RowMapping]] = {row["id"]: [] for row in found}
            of_them = select(_PHASES).where(_PHASES.c.deployment_id.in_(phases)).order_by(_PHASES.c.place)
            for row in connection.execute(of_them).mappings():
                phases[row["deployment_id"]].append(row)
        return [_deployment(row, phases[row["id"]]) for row in found]


def _of(suite: str, target: str) -> Any:
    return and_(col(DeploymentRow.suite) == suite, col(DeploymentRow.target) == target)


def _end_open_ones(connection: Connection, newer: Deployment) -> list[str]:
    earlier = and_(_of(newer.suite, newer.target), col(DeploymentRow.location) == newer.location)
    return _end(connection, earlier, DeploymentState.SUPERSEDED, newer.deployed_at)


def _end(connection: Connection, which: Any, state: DeploymentState, at: datetime) -> list[str]:
    ended = []
    for is_failed, said in ((False, state), (True, DeploymentState.FAILED)):
        own_state = col(DeploymentRow.state)
        failed = own_state == DeploymentState.FAILED.value if is_failed else own_state != DeploymentState.FAILED.value
        change = update(DeploymentRow).where(which, col(DeploymentRow.ended_at).is_(None), failed)
        done = connection.execute(change.values(state=said.value, ended_at=at).returning(col(DeploymentRow.id)))
        ended += [row[0] for row in done]
    return ended


def _row(deployment: Deployment) -> dict[str, Any]:
    plain = ("id", "suite", "target", "location", "version", "deployed_at", "reported_by", "note", "ended_at")
    run = deployment.run or FirstRun("")
    return {
        **{name: getattr(deployment, name) for name in plain},
        "run_id": run.id or None,
        "run_verdict": run.verdict and run.verdict.value,
        "run_sentence": run.sentence,
        "state": deployment.state.value,
        "plan": [phase.plan.model_dump(mode="json") for phase in deployment.phases],
    }


def _phase_row(deployment_id: str, phase: Phase) -> dict[str, Any]:
    plain = ("place", "name", "starts_at", "ends_at", "judged_at", "sentence")
    return {
        "deployment_id": deployment_id,
        **{name: getattr(phase, name) for name in plain},
        "verdict": phase.verdict and phase.verdict.value,
        "figures": dict(phase.figures),
    }


def _deployment(row: RowMapping, phases: Iterable[RowMapping]) -> Deployment:
    plain = ("id", "suite", "target", "location", "version", "deployed_at", "reported_by", "note", "ended_at")
    verdict = Verdict(row["run_verdict"]) if row["run_verdict"] else None
    return Deployment(
        **{name: row[name] for name in plain},
        phases=tuple(_phase(phase, row["plan"]) for phase in phases),
        run=FirstRun(row["run_id"], verdict, row["run_sentence"]) if row["run_id"] else None,
        state=DeploymentState(row["state"]),
    )


def _phase(row: RowMapping, plans: Sequence[Mapping[str, Any]]) -> Phase:
    plain = ("place", "starts_at", "ends_at", "judged_at", "sentence", "figures")
    # Bounds of today must not hide what was stored by bounds of then.
    plan = BurnInPhase.model_construct(**{**plans[row["place"]], "never_fail": tuple(plans[row["place"]]["never_fail"])})
    verdict = Verdict(row["verdict"]) if row["verdict"] else None
    return Phase(plan=plan, verdict=verdict, **{name: row[name] for name in plain})

"""This file is for the JSON report: one object for scripts, its form counted by `schema_version`."""

from __future__ import annotations

from typing import Any

from probes.outcome import to_json
from reports.formats.reporter import Document
from reports.overall import counts, is_green, unproven
from reports.store.lines import SCHEMA_VERSION, Finish, dump_json, finish_json, run_json
from scenarios.events import RunResult


class Json(Document, format="json"):
    """One JSON object. A new `schema_version` comes only when a key goes or changes its meaning; keys may be added.

    - `schema_version`: 1
    - `verdict`: the worst of the outcomes; at best `inconclusive` where the run is `unproven`
    - `green`: true only for `pass` and `degraded`
    - `unproven`: why the run proves nothing although no outcome says so (interrupted, nothing asked), else empty
    - `ended`: `completed`, `fail_fast`, `deadline` or `interrupted`; `signal`: its number, else 0
    - `finished_at`, `wall_s`, `critical_path_s`, `trouble` (what went wrong on our side, sentences)
    - `run`: `id`, `suite`, `suite_path`, `target`, `environment`, `base_url`, `started_at`, `vedette_version`,
      `selection`, `remarks`, `kind` (smoke, deploy or watch)
    - `counts`: how many outcomes of each verdict, all six named
    - `outcomes`: in the run's order, each as `probes.outcome.to_json` writes it

    Times are ISO 8601 in UTC, durations seconds.
    """

    def render(self, result: RunResult) -> str:
        return dump_json(as_json(result), indent=2) + "\n"


def as_json(result: RunResult) -> dict[str, Any]:
    """Return the run as JSON values."""
    end = finish_json(Finish.of(result))
    del end["run_id"], end["outcome_ids"]
    return {
        "schema_version": SCHEMA_VERSION,
        **end,
        "green": is_green(result),
        "unproven": unproven(result),
        "run": run_json(result.run),
        "counts": {verdict.value: number for verdict, number in counts(result).items()},
        "outcomes": [to_json(outcome) for outcome in result.outcomes],
    }

"""This file is for the keys `burn_in` and `maintenance` of a suite: read, and every mistake at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.burn_in import DEFAULT_PHASES, BurnInPhase
from scenarios.maintenance import RecurringWindow
from tests.scenarios.test_loader import HEAD, ONE, _load, _mistakes

TAGGED = HEAD + "scenarios: [{name: one, probe: test_silent, tags: [slow]}]\n"


def test_a_suite_that_says_nothing_has_the_usual_phases_and_no_windows(tmp_path: Path) -> None:
    suite = _load(HEAD + ONE, tmp_path)
    assert (suite.burn_in, suite.maintenance) == (DEFAULT_PHASES, ())
    assert [phase.lasts for phase in DEFAULT_PHASES] == [300, 7200, 86_400, 604_800]


def test_phases_and_windows_are_read_with_fragments_and_variables(tmp_path: Path) -> None:
    suite = _load(
        TAGGED + "fragments: {night: {cron: '0 2 * * *', timezone: Europe/Berlin}}\n"
        "burn_in:\n  - {name: first, lasts: '${FIRST:-10m}', factor: 0.1, never_fail: [P0, P1]}\n"
        "maintenance:\n  - {name: nightly, use: night, lasts: 2h, targets: [t], scenarios: [one], tags: [slow]}\n",
        tmp_path,
    )
    assert suite.burn_in == (BurnInPhase(name="first", lasts=600, factor=0.1, never_fail=("P0", "P1")),)
    assert suite.maintenance == (
        RecurringWindow(
            name="nightly", cron="0 2 * * *", timezone="Europe/Berlin", lasts=7200,
            targets=("t",), scenarios=("one",), tags=("slow",),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("burn_in: {}", ["4: 'burn_in' should be a list of phases |  | burn_in"]),
        ("burn_in: []", ["4: 'burn_in' should not be empty | leave it out for the usual phases | burn_in"]),
        ("burn_in: [5]", ["4: item 1 of 'burn_in' should be a mapping |  | burn_in[0]"]),
        ("burn_in:\n  - {name: a, last: 5m}",
         ["5: 'lasts' is missing | 'lasts' must be given here | burn_in[0]",
          "5: unknown field 'last' | did you mean 'least'? | burn_in[0].last"]),
        ("burn_in:\n  - {name: a, lasts: 5m, factor: 2}",
         ["5: 'factor' cannot be 2 | should be at most 1.0 | burn_in[0].factor"]),
        ("burn_in:\n  - {name: a, lasts: 5m, never_fail: [p0]}",
         ["5: item 1 of 'never_fail' cannot be 'p0' | did you mean 'P0'? it should be 'P0', 'P1', 'P2' or 'P3'"
          " | burn_in[0].never_fail[0]"]),
        ("burn_in:\n  - {name: a, lasts: 5m}\n  - {name: a, lasts: 5m}",
         ["6: two phases are named 'a' | the first stands in line 5 | burn_in[1].name"]),
        ("burn_in:\n" + "".join(f"  - {{name: p{n}, lasts: 5m}}\n" for n in range(11)),
         ["15: 'burn_in' has 11 phases | at most 10 | burn_in"]),
        ("burn_in:\n  - {name: a, lasts: '${NOWHERE}'}",
         ["5: the environment variable 'NOWHERE' is not set | set it, or give a default: ${NOWHERE:-…} | burn_in[0].lasts"]),
        ("burn_inn: []", ["4: unknown field 'burn_inn' | did you mean 'burn_in'? | burn_inn"]),
        ("maintenance: nightly", ["4: 'maintenance' should be a list of windows |  | maintenance"]),
        ("maintenance:\n  - {name: a, cron: '0 2 * * *', lasts: 1h, timezone: Europe/Berln}",
         ["5: 'timezone' cannot be 'Europe/Berln' | should be a time zone such as Europe/Berlin or UTC"
          " | maintenance[0].timezone"]),
        ("maintenance:\n  - {name: a, cron: '0 61 * * *', lasts: 1h}",
         ["5: 'cron' cannot be '0 61 * * *' | should be a cron expression such as '*/5 * * * *': bad hour"
          " | maintenance[0].cron"]),
        ("maintenance:\n  - {name: a, cron: '0 2 1 * *', lasts: 32d}",
         ["5: 'lasts' cannot be '32d' | should be at most 2678400 | maintenance[0].lasts"]),
        ("maintenance:\n  - {name: a, cron: '* * * * *', lasts: 1h}",
         ["5: this is not right | it would never close: 'cron' opens it again before 'lasts' is over | maintenance[0]"]),
        ("maintenance:\n  - {name: a, cron: '0 2 * * *', lasts: 1h, targets: [s], scenarios: [on], tags: [slo]}",
         ["5: there is no target 's' | known here: t | maintenance[0].targets[0]",
          "5: there is no scenario 'on' | did you mean 'one'? | maintenance[0].scenarios[0]",
          "5: no scenario has the tag 'slo' | did you mean 'slow'? | maintenance[0].tags[0]"]),
    ],
)  # fmt: skip
def test_each_mistake_has_its_sentence(text: str, told: list[str], tmp_path: Path) -> None:
    assert _mistakes(TAGGED + text, tmp_path) == told

"""This file is for hostile ids of `correlation`: each is refused or replaced by a fresh one, and the next good one is taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from probes.correlation_ids import Hostile, called, hostile_ids, misses, reflected
from probes.expect import trail
from probes.outcome import Check, check, control, note
from probes.session import Answer

if TYPE_CHECKING:
    from probes.correlation_asking import Asking


async def hostile(asking: Asking) -> AsyncIterator[Check]:
    """Send ids that no client of good will sends, then one of good will."""
    if asking.probe.hostile == "not_checked":
        yield note("hostile ids are not handed on", "hostile ids were not sent: 'hostile' is not_checked")
        return
    known = {value for value, _ in (*asking.sent, *asking.made)}
    for one in hostile_ids():
        asking.session.doing = f"sending a hostile id: {one.name}"
        asking.bad.append(one)
        answer = await asking.send(one.value)
        yield _withstood(asking, one, answer, known)
        known.add(asking.id_of(answer)[0])
    yield await _still_taken(asking)


def _withstood(asking: Asking, one: Hostile, answer: Answer, known: set[str]) -> Check:
    wanted = asking.probe.hostile
    trouble = _trouble(asking, one, answer, known)
    refused = _refuses(asking, answer)
    return check(
        f"a hostile id ({one.name}) is {'refused or replaced' if wanted == 'either' else wanted}",
        holds=not trouble,
        expected="4xx, or a fresh id" if wanted == "either" else wanted,
        observed=f"{answer.status}{'' if refused or not trouble else ', and not replaced'}",
        say=f"a hostile id ({one.name}) {trouble} {trail(answer)}",
    )


def _trouble(asking: Asking, one: Hostile, answer: Answer, known: set[str]) -> str:
    """Return what is wrong with the answer to a hostile id, as a clause, or an empty text."""
    value, missing = asking.id_of(answer)
    refused, form = _refuses(asking, answer), asking.probe.generated
    if answer.status >= 500:
        return f"makes the target answer {answer.status}"
    if clause := reflected(answer, one):
        return f"comes through: the answer {clause}"
    if asking.probe.hostile == "refused" and not refused:
        return f"is not refused, but answered with {answer.status}"
    if asking.probe.hostile == "replaced" and refused:
        return f"is refused with {answer.status} instead of being replaced"
    if not refused and (missing or (why := misses(value, form))):
        return f"is not replaced by {called(form)}: the answer {missing or f'carries one that {why}'}"
    return "was replaced by an id that was there before" if not refused and value in known else ""


def _refuses(asking: Asking, answer: Answer) -> bool:
    return 400 <= answer.status < 500 and not asking.probe.expect_status.holds(answer.status)


async def _still_taken(asking: Asking) -> Check:
    """Return the control that it was each hostile id that was refused, and not everybody after the first."""
    asking.session.doing = "asking with an id of ours after the hostile ones"
    value = asking.own_id()
    answer = await asking.send(value)
    holds = asking.probe.expect_status.holds(answer.status) and asking.id_of(answer)[0] == value
    say = f"an id of ours was not taken any more after the hostile ones, so refusing them proves nothing {trail(answer)}"
    return control("an id of ours is taken after the hostile ones", holds=holds, observed=str(answer.status), say=say)

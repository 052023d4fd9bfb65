"""This file is for how audit records are kept: chained by their hashes, and written once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from probes.audit_chain import breaks, hash_of, in_order, unnoticed
from probes.audit_options import Chain, Change, WriteOnce
from probes.audit_trail import AuditRecord, AuditTrail
from probes.expect import trail
from probes.outcome import Check, Evidence, check, control, note
from probes.session import Answer, Session


async def chained(
    source: AuditTrail, chain: Chain, known: Mapping[str, Any], mine: Sequence[AuditRecord]
) -> AsyncIterator[Check]:
    """Hold the records with their neighbours against the hashes in them."""
    source.session.doing = f"reading the chain of audit records ({source.names})"
    records = in_order(await source.whole(known, chain.statement, chain.request), chain)
    hashes = {hash_of(one, chain) for one in records}
    lost = [one for one in mine if hash_of(one, chain) not in hashes]
    say = f"{len(lost)} of our {len(mine)} records are not among the {len(records)} that were read ({source.names})"
    yield control("our records are in the chain that was read", holds=not lost, say=say)
    say = f"the chain that was read has {len(records)} records, too few to show a link ({source.names})"
    yield control("the chain that was read has links", holds=len(records) > 1, observed=str(len(records)), say=say)
    if len(records) < 2:
        return
    missed = unnoticed(records, chain)
    say = f"this chain would also have been found whole with {' and '.join(missed)}"
    yield control("a manipulated chain would be noticed", holds=not missed, say=say)
    found = breaks(records, chain)
    first = found[0] if found else None
    more = f", and {len(found) - 1} more breaks" if len(found) > 1 else ""
    yield check(
        "the chain of audit records is whole",
        holds=first is None,
        expected=f"{len(records)} records, each linked to the one before it",
        observed=f"{len(found)} breaks",
        say=f"the chain of audit records is broken: {first.record.place} {first.what}{more}" if first else "",
        evidence=[Evidence("broken chain", f"{one.record.place} {one.what}") for one in found[:20]],
    )
    if chain.over is None:
        yield note("the hashes are those of the records", "the hashes were only compared, as 'over' does not say what is hashed")


async def unchanged(
    source: AuditTrail, options: WriteOnce, known: Mapping[str, Any], record: AuditRecord, where: str
) -> AsyncIterator[Check]:
    """Try to change a record, and see that it is refused and the record still the same."""
    session = source.session
    for one in options.tries:
        session.doing = f"trying {one.name} of an audit record"
        answer = await session.send(one.request, {**known, "record": dict(record.data)})
        yield _refused(one, answer)
        if not one.refused.holds(answer.status) and answer.status >= 300:
            say = f"'{one.name}' got {answer.status}, which does not show that the record is protected {trail(answer)}"
            yield control(f"'{one.name}' was refused for the record's sake", holds=False, say=say)
    yield await _same(source, known, record, where, session)


def _refused(one: Change, answer: Answer) -> Check:
    return check(
        f"'{one.name}' of an audit record is refused",
        holds=not 200 <= answer.status < 300,
        expected="403 or 405" if not one.refused.codes else " or ".join(one.refused.codes),
        observed=str(answer.status),
        say=f"an audit record that must be written once could be changed: '{one.name}' was accepted {trail(answer)}",
        evidence=answer.as_evidence(),
    )


async def _same(source: AuditTrail, known: Mapping[str, Any], record: AuditRecord, where: str, session: Session) -> Check:
    session.doing = f"reading an audit record again ({source.names})"
    found = (await source.of(known)).mine
    same = any(one.text == record.text for one in found)
    what = "was changed" if found else "is gone"
    return check(
        "the audit record is the same after the tries to change it",
        holds=same,
        expected="the same record",
        observed="the same" if same else what,
        say=f"an audit record that must be written once {what} by a request of ours ({where})",
    )

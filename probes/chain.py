"""This file is for judging the certificates that a server shows: whether they stand, how long, and whether they are strong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from probes.bounds import AtLeast
from probes.certificates import Shown, as_evidence
from probes.net.tls import EXPIRED, NOT_YET_VALID, WRONG_NAME
from probes.outcome import Check, check

# CA/Browser Forum Baseline Requirements 6.1.5 and 7.1.3.2 (keys, signatures); NIST SP 800-131A for the bits of EC keys
_LEAST_BITS = {"RSA": 2048, "EC": 224, "DSA": 1 << 30}
_BROKEN_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
_NAMES_SHOWN = 4


def why_refused(chain: Sequence[Shown], code: int, host: str, now: datetime) -> str:
    """Return why the certificates do not stand, in one sentence; an empty text where nothing explains the refusal."""
    if not chain:
        return f"{host} showed no certificate"
    leaf = chain[0]
    if code == EXPIRED:
        return _out_of_time(chain, host, now)
    if code == NOT_YET_VALID:
        early = next((one for one in chain if one.not_before > now), leaf)
        return f"{_whose(early, chain, host)} is not valid yet, only from {_day(early.not_before)} on"
    if code in WRONG_NAME:
        return f"the certificate is for {listed(names_of(leaf))}, not for {host}, so its visitors are turned away"
    if code == 18 or (len(chain) == 1 and leaf.self_issued):  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        return f"the certificate of {host} is self-signed: anybody could have made it"
    if code in (2, 19, 20, 21, 27):
        return _untrusted(chain, host)
    return _weak_keys(chain, host) or _forgeable(chain, host)


def _out_of_time(chain: Sequence[Shown], host: str, now: datetime) -> str:
    old = next((one for one in chain if one.not_after < now), None)
    if old is None:
        return f"a certificate above {host} expired that {host} itself does not show"
    days = -old.days_left(now)
    return f"{_whose(old, chain, host)} expired on {_day(old.not_after)}, {days:.0f} days ago"


def _untrusted(chain: Sequence[Shown], host: str) -> str:
    """Tell a missing intermediate apart from an authority that nobody here trusts, as far as the certificates tell it."""
    last = chain[-1]
    if last.self_issued:
        return f"the certificate of {host} leads to the authority '{last.called}', which is not trusted here"
    if last.authority:
        return f"the certificate of {host} leads to '{last.called}', whose issuer '{last.issuer}' is unknown and not trusted here"
    if last.issuer_url:
        return (
            f"the chain of {host} is incomplete: the intermediate certificate '{last.issuer}' is not sent along "
            f"(it can be had at {last.issuer_url}), so clients that do not have it turn away"
        )
    return f"the certificate of {host} is from '{last.issuer}', which is not trusted here and whose certificate is not sent along"


def judge_time(chain: Sequence[Shown], bound: AtLeast, host: str, now: datetime, *, soft: bool) -> Check:
    """Judge the days that are left of the first certificate to expire."""
    first = min(chain, key=lambda one: one.not_after)
    days = first.days_left(now)
    when = "expired on" if days < 0 else f"expires in {days:.1f} days, on"
    return check(
        "no certificate expires soon" if soft else "the certificates are valid long enough",
        holds=bound.holds(days),
        soft=soft,
        expected=f"days left: {bound}",
        observed=f"{days:.1f} days",
        say=f"{_whose(first, chain, host)} {when} {_day(first.not_after)} (expected that the days left: {bound})",
        evidence=as_evidence([first]),
    )


def judge_names(leaf: Shown, names: Sequence[str], host: str) -> Iterator[Check]:
    """Judge that the certificate names hosts as clients look for them, and all that it has to."""
    yield check(
        "the certificate names its hosts as browsers read it",
        holds=bool(leaf.names),
        expected="a subjectAltName",
        observed=listed(leaf.names) or f"only the common name '{leaf.common_name}'",
        say=f"the certificate of {host} has no subjectAltName, only the common name '{leaf.common_name}', unread by browsers",
        evidence=as_evidence([leaf]),
    )
    for name in names:
        yield check(
            f"the certificate is for {name} too",
            holds=leaf.covers(name),
            expected=name,
            observed=listed(leaf.names),
            say=f"the certificate of {host} is not for {name}, only for {listed(leaf.names)}",
            evidence=as_evidence([leaf]),
        )


def judge_strength(chain: Sequence[Shown], host: str) -> Iterator[Check]:
    """Judge keys and signatures; the signature of a root is looked at by nobody."""
    weak, forgeable = _weak_keys(chain, host), _forgeable(chain, host)
    yield check(
        "the keys are long enough",
        holds=not weak,
        expected="RSA of 2048 bits or EC of 224 bits at least",
        observed=", ".join(f"{one.key} {one.bits}" for one in chain),
        say=weak,
        evidence=as_evidence(chain) if weak else (),
    )
    yield check(
        "the signatures cannot be forged",
        holds=not forgeable,
        expected="no MD5 and no SHA-1",
        observed=", ".join(one.signed_with or one.key for one in chain),
        say=forgeable,
        evidence=as_evidence(chain) if forgeable else (),
    )


def _weak_keys(chain: Sequence[Shown], host: str) -> str:
    weak = [one for one in chain if one.bits < _LEAST_BITS.get(one.key, 0)]
    return "; ".join(f"{_whose(one, chain, host)} has a weak key: {one.key} with {one.bits} bits" for one in weak)


def _forgeable(chain: Sequence[Shown], host: str) -> str:
    broken = [one for one in chain if one.signed_with in _BROKEN_HASHES and not one.self_issued]
    return "; ".join(f"{_whose(one, chain, host)} is signed with {_hash(one)}, which can be forged" for one in broken)


def judge_span(leaf: Shown, most_days: float, host: str) -> Check:
    """Judge, softly, the whole time for which the certificate is valid."""
    days = (leaf.not_after - leaf.not_before).total_seconds() / 86400
    return check(
        "the certificate is not valid for too long",
        holds=days <= most_days,
        soft=True,
        expected=f"at most {most_days:g} days",
        observed=f"{days:.0f} days",
        say=f"the certificate of {host} is valid for {days:.0f} days in all; browsers refuse public ones beyond {most_days:g}",
    )


def names_of(leaf: Shown) -> tuple[str, ...]:
    return leaf.names or ((leaf.common_name,) if leaf.common_name else ())


def listed(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _NAMES_SHOWN
    return (", ".join(names[:_NAMES_SHOWN]) or "no host at all") + (f" and {more} more" if more > 0 else "")


def _whose(one: Shown, chain: Sequence[Shown], host: str) -> str:
    if chain and one is chain[0]:
        return f"the certificate of {host}"
    return f"the {'authority' if one.self_issued else 'intermediate'} certificate '{one.called}', on which {host} stands,"


def _hash(one: Shown) -> str:
    return {"sha1": "SHA-1"}.get(one.signed_with, one.signed_with.upper())


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"

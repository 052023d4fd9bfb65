"""This file is for TLS: contexts made once for each setting, the certificate, and why a handshake failed."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from probes.net.egress import NotSent
from probes.target import Tls

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name (openssl/x509_vfy.h)
# verification results, openssl/x509_vfy.h
NOT_YET_VALID = 9
EXPIRED = 10
_UNKNOWN_ISSUER = {2, 18, 19, 20, 21, 27}
WRONG_NAME = {62, 64}


class BadTls(NotSent):
    """The suite's own TLS settings cannot be used: a file is missing or is no certificate."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The leaf certificate that the target showed."""

    not_after: datetime
    not_before: datetime
    subject: str
    issuer: str
    days_left: float


def context_for(
    tls: Tls, *, forgive: frozenset[str] = frozenset(), alpn: tuple[str, ...] = ("http/1.1",), ciphers: str = ""
) -> ssl.SSLContext:
    """Return the context for these settings; making one costs 20 ms, so each is made once and kept.

    `alpn` and `ciphers` (default: Python's choice) are what is offered. `forgive` may hold `dates` and `name`: what a
    second look leaves unchecked to read the certificate.
    Raises: BadTls.
    """
    files = (tls.ca_file, tls.client_certificate, tls.client_key)
    return _context(tls.verify, files, tuple(_changed(file) for file in files), forgive, alpn, ciphers)


@lru_cache(maxsize=64)
def _context(
    verify: bool,
    files: tuple[str | None, str | None, str | None],
    changed: tuple[int, ...],
    forgive: frozenset[str],
    alpn: tuple[str, ...],
    ciphers: str,
) -> ssl.SSLContext:
    ca_file, certificate, key = files
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if not ca_file and not context.cert_store_stats()["x509_ca"]:
            import certifi  # a slim image has no certificates of its own

            context.load_verify_locations(certifi.where())
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as problem:
        named = " and ".join(f"'{file}'" for file in files if file)
        raise BadTls(f"the TLS files of the target cannot be used ({named}): {problem.strerror or problem}") from problem
    context.set_alpn_protocols(list(alpn))
    if ciphers:
        context.set_ciphers(ciphers)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "dates" in forgive:
        context.verify_flags |= _NO_CHECK_TIME
    if "name" in forgive:
        context.check_hostname = False
    return context


def _changed(file: str | None) -> int:
    try:
        return os.stat(file).st_mtime_ns if file else 0
    except OSError:
        return -1  # making the context says what is wrong with it


def certificate_of(tls: ssl.SSLObject, now: datetime) -> Certificate | None:
    """Return the leaf certificate, or None where nothing was verified: the ssl module then does not read it."""
    der = tls.getpeercert(binary_form=True)
    seen = _parsed.get(der) if der else None
    if der and seen is None:
        seen = tls.getpeercert() or None  # reading costs 140 µs, so a certificate is read once
        if seen is not None:
            if len(_parsed) >= 256:
                _parsed.clear()
            _parsed[der] = seen
    if seen is None:
        return None
    not_after, not_before = instant(seen["notAfter"]), instant(seen["notBefore"])
    days_left = (not_after - now).total_seconds() / 86400
    return Certificate(not_after, not_before, _name(seen["subject"]), _name(seen["issuer"]), days_left)


_parsed: dict[bytes, dict[str, Any]] = {}


def instant(text: str) -> datetime:
    """Return the instant of a certificate's date such as `Jan  1 00:00:00 2021 GMT`."""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def names_in(certificate: dict[str, Any]) -> str:
    """Return the host names and addresses a certificate is for, shortened for a sentence."""
    names = [str(value) for _, value in certificate.get("subjectAltName", ())] or [_name(certificate.get("subject", ()))]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _name(parts: Any) -> str:
    flat = {key: value for part in parts for key, value in part}
    return str(flat.get("commonName") or flat.get("organizationName") or ", ".join(f"{k}={v}" for k, v in flat.items()))


def why(problem: ssl.SSLError, host: str, seen: dict[str, Any] | None) -> str:
    """Return the sentence for a failed handshake. `seen` is the certificate of a second, forgiving look, if there was one."""
    if not isinstance(problem, ssl.SSLCertVerificationError):
        reason = (problem.reason or "").replace("_", " ").lower() or str(problem)
        meaning = "it does not speak TLS there" if "wrong version number" in reason or "http request" in reason else reason
        return f"the TLS handshake with {host} failed: {meaning}"
    code = problem.verify_code
    if code == EXPIRED:
        return f"the certificate of {host} expired" + (f" on {instant(seen['notAfter']):%Y-%m-%d}" if seen else "")
    if code == NOT_YET_VALID:
        return f"the certificate of {host} is not valid yet" + (
            f", only from {instant(seen['notBefore']):%Y-%m-%d} on" if seen else ""
        )
    if code in WRONG_NAME:
        return f"the certificate is for {names_in(seen)}, not for {host}" if seen else f"the certificate is not for {host}"
    if code in _UNKNOWN_ISSUER:
        return f"the certificate of {host} is self-signed or from an unknown issuer ({problem.verify_message})"
    return f"the certificate of {host} was not accepted: {problem.verify_message}"

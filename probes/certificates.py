"""This file is for reading the certificates that a server shows; the one owner of `cryptography` among the probes."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from probes.evidence.source import EvidenceError
from probes.net.egress import is_address
from probes.outcome import Evidence

if TYPE_CHECKING:
    from cryptography import x509

_DER = 2  # _ssl.ENCODING_DER, which the ssl module does not name


class UnreadableCertificate(Exception):
    """What the server showed is no certificate; the text says in a few words why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate, as much of it as is judged."""

    subject: str
    issuer: str
    names: tuple[str, ...]  # of subjectAltName: host names and addresses
    common_name: str
    not_before: datetime
    not_after: datetime
    key: str  # such as `RSA`
    bits: int
    signed_with: str  # the hash of its signature, such as `sha256`; empty where the algorithm has none of its own
    authority: bool  # it may issue others
    issuer_url: str  # where its issuer's certificate can be had, as it says itself
    fingerprint: str

    @property
    def self_issued(self) -> bool:
        return self.subject == self.issuer

    @property
    def called(self) -> str:
        """Its name for a sentence."""
        return self.common_name or self.subject

    def days_left(self, now: datetime) -> float:
        return (self.not_after - now).total_seconds() / 86400

    def covers(self, host: str) -> bool:
        """Return whether the certificate is for that host: RFC 9525, a `*` stands for one whole leftmost label."""
        return any(_matches(name.lower(), host.lower().rstrip(".")) for name in self.names)


def read(der: bytes) -> Shown:
    """Read one certificate. Raises: UnreadableCertificate; EvidenceError where the extra 'tls' is missing."""
    try:
        from cryptography import x509
        from cryptography.exceptions import UnsupportedAlgorithm
    except ImportError:
        raise EvidenceError("reading certificates needs the extra 'tls': pip install 'vedette[tls]'") from None
    try:
        return _read(x509.load_der_x509_certificate(der), fingerprint(der))
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as problem:
        raise UnreadableCertificate(str(problem).splitlines()[0][:200] if str(problem) else type(problem).__name__) from problem


def presented(connection: ssl.SSLObject) -> list[bytes]:
    """Return the certificates as the server showed them, its own first."""
    return _chain(connection, "get_unverified_chain")


def verified(connection: ssl.SSLObject) -> list[bytes]:
    """Return the certificates of the path that was verified, from the server's own to the trusted one."""
    return _chain(connection, "get_verified_chain")


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate, as browsers show it, without colons."""
    return hashlib.sha256(der).hexdigest()


def as_evidence(chain: Iterable[Shown]) -> tuple[Evidence, ...]:
    """Return one piece of evidence for each certificate."""
    return tuple(
        Evidence(
            "certificate",
            f"{one.called}, issued by {one.issuer}",
            {
                "subject": one.subject,
                "issuer": one.issuer,
                "names": list(one.names[:20]),
                "not_before": one.not_before.isoformat(),
                "not_after": one.not_after.isoformat(),
                "key": f"{one.key} {one.bits}",
                "signed_with": one.signed_with,
                "sha256": one.fingerprint,
            },
        )
        for one in chain
    )


def _chain(connection: Any, method: str) -> list[bytes]:
    """Python has had the method since 3.13; before, it stands on the inner object only."""
    if hasattr(connection, method):
        return list(getattr(connection, method)())
    return [one.public_bytes(_DER) for one in getattr(connection._sslobj, method)() or ()]


def _read(certificate: x509.Certificate, seal: str) -> Shown:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509.oid import NameOID

    try:
        hashed = certificate.signature_hash_algorithm
        signed_with = hashed.name if hashed else ""
    except UnsupportedAlgorithm:
        signed_with = certificate.signature_algorithm_oid.dotted_string
    commons = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    key, bits = _key(certificate)
    made = Shown(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=(),
        common_name=str(commons[0].value) if commons else "",
        not_before=certificate.not_valid_before_utc.astimezone(UTC),
        not_after=certificate.not_valid_after_utc.astimezone(UTC),
        key=key,
        bits=bits,
        signed_with=signed_with,
        authority=False,
        issuer_url="",
        fingerprint=seal,
    )
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            addresses = extension.value.get_values_for_type(x509.IPAddress)
            names = extension.value.get_values_for_type(x509.DNSName)
            made = replace(made, names=(*names, *map(str, addresses)))
        elif isinstance(extension.value, x509.BasicConstraints):
            made = replace(made, authority=extension.value.ca)
        elif isinstance(extension.value, x509.AuthorityInformationAccess):
            made = replace(made, issuer_url=_issuer_url(extension.value))
    return made


def _key(certificate: x509.Certificate) -> tuple[str, int]:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    return type(key).__name__.strip("_").removesuffix("PublicKey"), 256


def _issuer_url(access: x509.AuthorityInformationAccess) -> str:
    from cryptography.x509.oid import AuthorityInformationAccessOID

    urls = [str(one.access_location.value) for one in access if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS]
    return urls[0][:200] if urls else ""


def _matches(name: str, host: str) -> bool:
    if name == host or is_address(host):
        return name == host
    first, dot, rest = name.partition(".")
    return first == "*" and bool(dot) and "." in rest and host.partition(".")[2] == rest and bool(host.partition(".")[0])

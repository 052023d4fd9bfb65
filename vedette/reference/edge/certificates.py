"""This file is for making certificates at the start of the system: an authority, an intermediate, and the server's own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

COMMON_NAME = "shop.vedette.example"
ISSUER_URL = "http://authority.vedette.example/intermediate.cer"

_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")  # as DER
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")
_SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")  # RFC 8017 section 9.2, note 1


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the server's own certificate is like. `days` are from now on: its first and its last."""

    names: tuple[str, ...]
    days: tuple[float, float] = (-30, 60)
    by: Literal["intermediate", "self", "stranger", "old"] = "intermediate"  # who signs it
    rsa_bits: int = 0  # 0: an elliptic curve
    send_intermediate: bool = True


class Authorities:
    """A root that is trusted, its intermediate, and a test authority that nobody trusts."""

    def __init__(self, *, intermediate_expired: bool = False) -> None:
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._root_key, self._key = _ec_key(), _ec_key()
        self._root = self._sign(_name("Vedette Root"), self._root_key, _name("Vedette Root"), self._root_key, ca=True)
        days = (-700.0, -10.0) if intermediate_expired else (-30.0, 700.0)
        issued = self._sign(_name("Vedette Intermediate"), self._key, _name("Vedette Root"), self._root_key, ca=True, days=days)
        self._intermediate = issued

    @property
    def trusted(self) -> bytes:
        """The root, as PEM."""
        return _pem(self._root)

    def issue(self, leaf: Leaf) -> bytes:
        """Return key and chain of a server as one PEM text."""
        key = _rsa_key(leaf.rsa_bits) if leaf.rsa_bits else _ec_key()
        signed = {"self": self._self_signed, "stranger": self._by_a_stranger, "old": self._by_an_old_one}
        made, above = signed[leaf.by](leaf, key) if leaf.by in signed else self._by_intermediate(leaf, key)
        return _key_pem(key) + _pem(made) + (_pem(above) if above is not None else b"")

    def _by_intermediate(self, leaf: Leaf, key: Any) -> tuple[Any, Any]:
        made = self._server(leaf, key, _name("Vedette Intermediate"), self._key)
        return made, self._intermediate if leaf.send_intermediate else None

    def _self_signed(self, leaf: Leaf, key: Any) -> tuple[Any, Any]:
        return self._server(leaf, key, _name(COMMON_NAME), key), None

    def _by_a_stranger(self, leaf: Leaf, key: Any) -> tuple[Any, Any]:
        authority = _ec_key()
        name = _name("Vedette test authority")
        return self._server(leaf, key, name, authority), self._sign(name, authority, name, authority, ca=True)

    def _by_an_old_one(self, leaf: Leaf, key: Any) -> tuple[Any, Any]:
        """SHA-1 stands in the signature of an intermediate with an RSA key, as in old appliances."""
        authority, name = _rsa_key(2048), _name("Vedette Appliance")
        above = self._sign(name, authority, _name("Vedette Root"), self._root_key, ca=True)
        return _with_sha1(self._server(leaf, key, name, authority), authority), above

    def _server(self, leaf: Leaf, key: Any, issuer: Any, issuer_key: Any) -> Any:
        return self._sign(
            _name(COMMON_NAME),
            key,
            issuer,
            issuer_key,
            names=leaf.names,
            days=leaf.days,
            url=issuer_key is not key,
        )

    def _sign(
        self,
        subject: Any,
        key: Any,
        issuer: Any,
        issuer_key: Any,
        *,
        ca: bool = False,
        names: tuple[str, ...] = (),
        days: tuple[float, float] = (-30, 700),
        url: bool = False,
    ) -> Any:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import AuthorityInformationAccessOID

        first, last = (self._now + timedelta(days=number) for number in days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(first)
            .not_valid_after(last)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
        if url:
            access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(ISSUER_URL))
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


def _with_sha1(certificate: Any, key: Any) -> Any:
    """Sign once more, with SHA-1 (RFC 8017 section 9.2): the library reads such certificates, but refuses to make them."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    whole = certificate.public_bytes(Encoding.DER).replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signed = certificate.tbs_certificate_bytes.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    digest = _SHA1_PREFIX + hashlib.sha1(signed, usedforsecurity=False).digest()
    size, numbers = key.key_size // 8, key.private_numbers()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    signature = pow(int.from_bytes(padded), numbers.d, numbers.public_numbers.n).to_bytes(size)
    return x509.load_der_x509_certificate(whole[:-size] + signature)


def _name(common: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Vedette"), x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _ec_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _rsa_key(bits: int) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _pem(certificate: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return bytes(certificate.public_bytes(Encoding.PEM))


def _key_pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

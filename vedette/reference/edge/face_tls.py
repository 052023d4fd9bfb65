"""This file is for the shop's TLS port: certificates made at the start, sound or with one thing wrong."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from vedette.reference.edge.certificates import Authorities, Leaf
from vedette.reference.edge.face_tcp import listening
from vedette.reference.fault import Fault

HOST = "shop.vedette.example"
_ROWS = (
    ("tls_expired", "the renewal failed for weeks and nobody read the mails", ("certificate of shop", "expired on")),
    ("tls_expires_soon", "the renewal fails since the firewall was changed", ("expires in", "days")),
    ("tls_not_yet_valid", "the certificate was made on a machine whose clock is ahead", ("not valid yet", "only from")),
    ("tls_self_signed", "the package's example certificate was left in place", ("self-signed",)),
    ("tls_unknown_issuer", "the certificate comes from the company's test authority", ("not trusted here", "test authority")),
    (
        "tls_wrong_host",
        "the load balancer shows the certificate of another customer",
        ("is for other.vedette.example", "not for shop"),
    ),
    (
        "tls_chain_incomplete",
        "only the server's own certificate was put into the file",
        ("chain", "incomplete", "not sent along"),
    ),
    (
        "tls_intermediate_expired",
        "the old intermediate certificate was kept when the own one was renewed",
        ("intermediate", "expired on"),
    ),
    ("tls_weak_key", "the key is still the one of 2009", ("weak key", "RSA with 1024 bits")),
    ("tls_sha1_signature", "an appliance signs with what it knew when it was built", ("SHA-1", "forged")),
    ("tls_without_names", "a script of old sets the common name only", ("no subjectAltName",)),
    ("tls_name_missing", "the address with www was forgotten at the renewal", ("is not for www.shop",)),
    ("tls_old_protocol_accepted", "old versions were let in again for one customer's till", ("still speaks TLSv1.1",)),
    ("tls_without_forward_secrecy", "a list of ciphers was copied from an old guide", ("without forward secrecy",)),
    ("tls_alpn_lost", "the new load balancer does not speak HTTP/2", ("does not speak h2 any more",)),
)
_EMPTY_ROWS = (
    ("tls_plain_text", "the port was switched to plain text behind a proxy that is not there", ("does not speak TLS",)),
    ("tls_breaks_off", "the server lost its key file and ends each connection", ("broke off the TLS handshake",)),
    (
        "tls_any_name",
        "a catch-all page with a certificate for everything took over the address",
        ("is for *.example", "not for shop"),
    ),
)
FAULTS = tuple(Fault(name, "tls", story, hint, system="edge") for name, story, hint in _ROWS) + tuple(
    Fault(name, "tls", story, hint, vacuity=True, system="edge") for name, story, hint in _EMPTY_ROWS
)
MODULES = ("cryptography",)


@asynccontextmanager
async def serve(bugs: Collection[str], folder: Path) -> AsyncIterator[Mapping[str, str]]:
    """Serve the shop's port and write the authority's certificate to a file."""
    authorities = Authorities(intermediate_expired="tls_intermediate_expired" in bugs)
    ca_file = folder / "authority.pem"
    ca_file.write_bytes(authorities.trusted)
    context = None if {"tls_plain_text", "tls_breaks_off"} & set(bugs) else _context(authorities, bugs, folder)
    async with AsyncExitStack() as stack:
        talk = _hang_up if "tls_breaks_off" in bugs else _say
        port = await stack.enter_async_context(listening(talk, context))
        yield {"VEDETTE_EDGE_TLS_PORT": str(port), "VEDETTE_EDGE_CA": str(ca_file)}


def _context(authorities: Authorities, bugs: Collection[str], folder: Path) -> ssl.SSLContext:
    pem = folder / "shop.pem"
    pem.write_bytes(authorities.issue(_leaf(bugs)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ECDHE+AESGCM")
    if "tls_without_forward_secrecy" in bugs:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-GCM-SHA256")
    if "tls_weak_key" in bugs or "tls_sha1_signature" in bugs:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if "tls_old_protocol_accepted" in bugs:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the fault
            context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.set_alpn_protocols(["http/1.1"] if "tls_alpn_lost" in bugs else ["h2", "http/1.1"])
    context.load_cert_chain(pem)
    return context


def _leaf(bugs: Collection[str]) -> Leaf:
    made = Leaf(names=(HOST, f"www.{HOST}"))
    changes: dict[str, Leaf] = {
        "tls_expired": Leaf(made.names, days=(-90, -3)),
        "tls_expires_soon": Leaf(made.names, days=(-80, 5)),
        "tls_not_yet_valid": Leaf(made.names, days=(2, 90)),
        "tls_self_signed": Leaf(made.names, by="self"),
        "tls_unknown_issuer": Leaf(made.names, by="stranger"),
        "tls_wrong_host": Leaf(("other.vedette.example",)),
        "tls_any_name": Leaf(("*.example",)),
        "tls_chain_incomplete": Leaf(made.names, send_intermediate=False),
        "tls_weak_key": Leaf(made.names, rsa_bits=1024),
        "tls_sha1_signature": Leaf(made.names, by="old"),
        "tls_without_names": Leaf(()),
        "tls_name_missing": Leaf((HOST,)),
        "tls_without_forward_secrecy": Leaf(made.names, rsa_bits=2048),
    }
    return next((leaf for name, leaf in changes.items() if name in bugs), made)


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await reader.read()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()

"""This file is for the TLS settings of handshakes that only look, that trust nobody, and that speak old versions."""

from __future__ import annotations

import ssl
import warnings
from functools import lru_cache

from probes.net.tls import BadTls
from probes.target import Tls

VERSIONS = {"TLSv1": "TLSv1", "TLSv1.1": "TLSv1_1", "TLSv1.2": "TLSv1_2", "TLSv1.3": "TLSv1_3"}  # oldest first: name, ssl's name


def looking(tls: Tls, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Return settings that accept every certificate, to read it. Security level 0: our own library must not refuse first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.set_alpn_protocols(list(alpn))
    if tls.client_certificate:
        try:
            context.load_cert_chain(tls.client_certificate, tls.client_key)
        except (OSError, ssl.SSLError) as problem:
            named = f"'{tls.client_certificate}'"
            raise BadTls(f"the TLS files of the target cannot be used ({named}): {problem.strerror or problem}") from problem
    return context


def trusting_nobody(tls: Tls, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Return settings that verify, but know no authority: they must refuse every server."""
    context = looking(tls, alpn)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def speaking(version: str, tls: Tls, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Return settings that speak this one version only. Raises: ssl.SSLError or ValueError where our library cannot."""
    context = looking(tls, alpn)
    context.set_ciphers("ALL:@SECLEVEL=0")
    _only(context, version)
    return context


@lru_cache
def can_speak(version: str) -> str:
    """Shake hands with ourselves in that version, and return why that fails, or an empty text."""
    try:
        client = speaking(version, Tls(), ())
        server = _server(version)
    except (ssl.SSLError, ValueError, AttributeError) as problem:
        return f"this machine's {ssl.OPENSSL_VERSION} does not speak it: {problem}"
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    for _ in range(10):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as problem:
                return f"this machine's {ssl.OPENSSL_VERSION} does not speak it: {problem.reason or problem}"
        if not ends:
            return ""
    return "a handshake with ourselves did not come to an end"


def _only(context: ssl.SSLContext, version: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that they are old is why they are tried
        wanted = ssl.TLSVersion[VERSIONS[version]]
        context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, wanted
        context.minimum_version = wanted


def _server(version: str) -> ssl.SSLContext:
    """Return settings of a server without a certificate: an anonymous key exchange shows the version just as well."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:aNULL:@SECLEVEL=0")
    _only(context, version)
    return context

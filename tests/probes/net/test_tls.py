"""This file is for certificates: good ones are read, bad ones are refused with the reason a person needs."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from probes.outcome import Measurement
from probes.request import RequestTemplate
from probes.session import NotSent, Phase, TargetError
from probes.target import Tls
from tests.probes.badserver import answer, echoing, saying, serving
from tests.probes.sessions import session_at

pytestmark = pytest.mark.anyio

YEAR = timedelta(days=365)


@dataclass
class Authority:
    """A private authority, and servers that show its certificates."""

    ca: trustme.CA
    ca_file: str

    def context(self, *names: str, **dates: datetime) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, **dates).configure_cert(context)
        return context

    @property
    def tls(self) -> dict[str, str]:
        return {"ca_file": self.ca_file}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("ca")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    return Authority(ca, str(folder / "ca.pem"))


async def refusal(context: ssl.SSLContext, **options: object) -> TargetError:
    async with serving(saying(answer(b"ok")), context) as server:
        with pytest.raises(TargetError) as caught:
            await session_at(server.url_at("localhost"), **options).send(RequestTemplate())
        assert server.talks == []  # nothing was asked of whom we do not trust
    assert caught.value.phase is Phase.TLS
    assert caught.value.exchange is not None and caught.value.exchange.phases.tls_s is None  # a second look is not timed
    return caught.value


async def test_a_good_certificate_is_read_and_the_handshake_timed(authority: Authority) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    async with serving(saying(answer(b"ok")), authority.context("localhost", not_after=until)) as server:
        got = await session_at(server.url_at("localhost"), tls=authority.tls).send(RequestTemplate())
    assert got.body == b"ok"
    assert got.phases.tls_s is not None and got.phases.tls_s > 0
    assert got.certificate is not None
    assert got.certificate.not_after == until
    assert got.certificate.days_left == pytest.approx(30, abs=0.1)


async def test_the_end_of_the_first_certificate_to_expire_is_measured_once(authority: Authority) -> None:
    later, sooner = (datetime.now(UTC).replace(microsecond=0) + timedelta(days=days) for days in (90, 30))
    long_lived, short_lived = (authority.context("localhost", not_after=until) for until in (later, sooner))
    async with serving(saying(answer(b"ok")), long_lived) as one, serving(saying(answer(b"ok")), short_lived) as other:
        session = session_at(one.url_at("localhost"), tls=authority.tls)
        for url in ("", "", other.url_at("localhost"), ""):
            await session.send(RequestTemplate(path=url))
    assert session.measurements == [("certificate_expires_at", sooner.timestamp(), "unix_s")]
    assert Measurement(*session.measurements[0]).date == f"{sooner:%Y-%m-%d %H:%M} UTC"


async def test_a_certificate_for_an_address_is_good_for_that_address(authority: Authority) -> None:
    async with serving(saying(answer(b"ok")), authority.context("127.0.0.1")) as server:
        assert (await session_at(server.url, tls=authority.tls).send(RequestTemplate())).ok


async def test_a_large_answer_comes_whole_through_tls(authority: Authority) -> None:
    body = bytes(range(256)) * 3000
    async with serving(saying(answer(body)), authority.context("localhost")) as server:
        got = await session_at(server.url_at("localhost"), tls=authority.tls).send(
            RequestTemplate(method="POST", body="x" * 500_000)
        )
    assert got.body == body
    assert len(server.talks[0].body) == 500_000


async def test_an_expired_certificate_is_told_with_its_date(authority: Authority) -> None:
    end = datetime(2021, 1, 1, tzinfo=UTC)
    expired = authority.context("localhost", not_before=end - YEAR, not_after=end)
    assert "the certificate of localhost expired on 2021-01-01" in str(await refusal(expired, tls=authority.tls))


async def test_a_certificate_of_the_future_is_told_with_its_date(authority: Authority) -> None:
    start = datetime(2101, 1, 1, tzinfo=UTC)
    early = authority.context("localhost", not_before=start, not_after=start + YEAR)
    sentence = str(await refusal(early, tls=authority.tls))
    assert "the certificate of localhost is not valid yet, only from 2101-01-01 on" in sentence


async def test_a_certificate_for_another_host_is_told_with_its_names(authority: Authority) -> None:
    sentence = str(await refusal(authority.context("other.example"), tls=authority.tls))
    assert "the certificate is for other.example, not for localhost" in sentence


async def test_a_certificate_of_an_unknown_issuer_is_told_as_such(authority: Authority) -> None:
    sentence = str(await refusal(authority.context("localhost")))
    assert "the certificate of localhost is self-signed or from an unknown issuer" in sentence


async def test_a_server_without_tls_is_told_as_such() -> None:
    async def no(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(no, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TargetError) as caught:
            await session_at(f"https://127.0.0.1:{port}").send(RequestTemplate(path="/x"))
    assert caught.value.phase is Phase.TLS
    sentence = f"the TLS handshake with 127.0.0.1 failed: it does not speak TLS there (GET /x at 127.0.0.1:{port})"
    assert str(caught.value) == sentence


async def test_a_handshake_that_is_not_answered_ends_with_the_deadline_of_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        session = session_at(f"https://127.0.0.1:{port}", limits={"connect": 0.2})
        with pytest.raises(TargetError) as caught:
            await session.send(RequestTemplate(path="/x"))
    assert str(caught.value) == f"staging did not finish the TLS handshake at 127.0.0.1:{port} within 0.2 s (GET /x)"


async def test_verification_can_be_turned_off_by_the_target_only(authority: Authority) -> None:
    async with serving(saying(answer(b"ok")), authority.context("other.example")) as server:
        got = await session_at(server.url_at("localhost"), tls={"verify": False}).send(RequestTemplate())
    assert got.ok and got.certificate is None


async def test_a_server_name_of_the_target_is_asked_for_and_verified(authority: Authority) -> None:
    async with serving(saying(answer(b"ok")), authority.context("api.example.test")) as server:
        options = {**authority.tls, "server_name": "api.example.test"}
        assert (await session_at(server.url, tls=options).send(RequestTemplate())).ok


async def test_a_client_certificate_is_shown_to_the_target_and_to_nobody_else(authority: Authority, tmp_path: Path) -> None:
    client = authority.ca.issue_cert("client.example")
    client.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")

    def asking() -> ssl.SSLContext:
        context = authority.context("localhost")
        authority.ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    options = {**authority.tls, "client_certificate": str(tmp_path / "client.pem")}
    async with serving(echoing(), asking()) as own, serving(echoing(), asking()) as foreign:
        session = session_at(own.url_at("localhost"), tls=options)
        assert (await session.send(RequestTemplate())).ok
        with pytest.raises(TargetError, match=r"broke off the TLS connection|ended the connection"):
            await session.send(RequestTemplate(path=foreign.url_at("localhost")))
        assert foreign.talks == []


async def test_a_context_is_made_once_for_each_setting(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    real: Callable[..., ssl.SSLContext] = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda **options: made.append(options) or real(**options))
    options = {**authority.tls, "server_name": "localhost"}
    async with serving(saying(answer(b"ok")), authority.context("localhost")) as server:
        for _ in range(3):
            await session_at(server.url, tls=options).send(RequestTemplate())
    async with serving(saying(answer(b"ok"))) as plain:
        await session_at(plain.url, tls={"ca_file": "never/read.pem"}).send(RequestTemplate())
    assert len(made) <= 1


async def test_a_ca_file_that_is_not_there_is_our_error_and_not_the_targets() -> None:
    with pytest.raises(NotSent, match=r"the TLS files of the target cannot be used \('no/such\.pem'\)"):
        await session_at("https://127.0.0.1:9", tls=Tls(ca_file="no/such.pem").model_dump()).send(RequestTemplate())

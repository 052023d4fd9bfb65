"""This file is for the kind `tls`: each doubt about a certificate told apart, and the proof that we would have noticed."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes import handshakes
from probes.certificates import UnreadableCertificate, read
from probes.kinds import tls as kind
from probes.kinds.tls import Tls
from probes.net.tls import context_for
from probes.outcome import CERTIFICATE_ENDS, Outcome, Verdict
from tests.probes.kinds.asked import asked, the
from vedette.reference.edge.certificates import Authorities, Leaf
from vedette.reference.edge.face_tcp import listening

pytestmark = pytest.mark.anyio
SHOP = "shop.vedette.example"


@contextlib.asynccontextmanager
async def shop(
    folder: Path, leaf: Leaf, authorities: Authorities | None = None, **settings: Any
) -> AsyncIterator[dict[str, Any]]:
    """Serve one certificate; yield what the probe and the target need."""
    made = authorities or Authorities()
    (folder / "ca.pem").write_bytes(made.trusted)
    (folder / "shop.pem").write_bytes(made.issue(leaf))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "shop.pem")
    for name, value in settings.items():
        setattr(context, name, value)
    async with listening(_listen, context) as port:
        yield {"port": port, "ca_file": str(folder / "ca.pem")}


async def _listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def judged(place: dict[str, Any], tls: dict[str, Any] | None = None, **options: Any) -> Outcome:
    probe = Tls.model_validate({"host": "127.0.0.1", "port": place["port"], "server_name": SHOP, **options})
    return await asked(probe, tls={"ca_file": place["ca_file"], **(tls or {})})


async def test_a_sound_certificate_passes_and_its_end_is_measured(tmp_path: Path) -> None:
    async with shop(tmp_path, Leaf((SHOP,), days=(-1, 60))) as place:
        outcome = await judged(place, issuer={"contains": "CN=Vedette Intermediate"}, alpn=None)
    assert outcome.verdict is Verdict.PASS, outcome.sentence
    (ends,) = [one for one in outcome.measurements if one.name == CERTIFICATE_ENDS]
    (shown, *_) = the(outcome, "are trusted").evidence
    assert ends.date[:10] == shown.data["not_after"][:10]
    assert {e.method for e in outcome.exchanges} == {"TLS"} and outcome.exchanges[0].phases.tls_s is not None


@pytest.mark.parametrize(
    ("leaf", "options", "verdict", "words"),
    [
        (Leaf((SHOP,), days=(-50, 10)), {}, Verdict.DEGRADED, "expires in 10.0 days"),
        (Leaf((SHOP,), days=(-50, 10)), {"days_left": 30}, Verdict.FAIL, "expires in 10.0 days"),
        (Leaf((SHOP,), days=(-50, 10)), {"warn_days_left": None}, Verdict.PASS, ""),
        (Leaf((SHOP,), days=(-1, 500)), {}, Verdict.DEGRADED, "is valid for 501 days in all"),
        (Leaf((SHOP,), days=(-1, 500)), {"validity_days": None}, Verdict.PASS, ""),
        (Leaf((SHOP,)), {"issuer": {"contains": "Let's Encrypt"}}, Verdict.FAIL, "from another issuer"),
        (Leaf((SHOP,)), {"alpn": "h2"}, Verdict.FAIL, "agreed on no protocol at all"),
        (Leaf((f"*.{SHOP[5:]}",)), {"names": ["a.b.vedette.example"]}, Verdict.FAIL, "is not for a.b.vedette.example"),
        (Leaf((f"*.{SHOP[5:]}",)), {"names": ["other.vedette.example"]}, Verdict.PASS, ""),
        (Leaf((SHOP,), by="stranger", send_intermediate=False), {}, Verdict.FAIL, "not trusted here"),
        (Leaf((SHOP,), days=(-90, -3), by="self"), {}, Verdict.FAIL, "self-signed"),
    ],
    ids=["soon, softly", "soon, hard", "soon, unwarned", "long", "long, unjudged", "issuer", "alpn", "two labels", "one label",
         "unknown issuer", "self-signed and expired"],
)  # fmt: skip
async def test_each_doubt_is_told(leaf: Leaf, options: dict[str, Any], verdict: Verdict, words: str, tmp_path: Path) -> None:
    async with shop(tmp_path, leaf) as place:
        outcome = await judged(place, **options)
    assert (outcome.verdict, words in outcome.sentence) == (verdict, True), outcome.sentence


async def test_an_older_version_than_the_floor_is_tried_and_told(tmp_path: Path) -> None:
    async with shop(tmp_path, Leaf((SHOP,)), maximum_version=ssl.TLSVersion.TLSv1_2) as place:
        strict = await judged(place, minimum="TLSv1.3")
        usual = await judged(place)
    assert strict.verdict is Verdict.FAIL and "still speaks TLSv1.2" in strict.sentence
    assert usual.verdict is Verdict.PASS, usual.sentence
    assert [the(usual, f"{name} is refused").verdict for name in ("TLSv1.1", "TLSv1")] == [Verdict.PASS] * 2


async def test_a_version_that_we_cannot_speak_is_noted_and_clears_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "can_speak", lambda version: "this machine does not speak it")
    async with shop(tmp_path, Leaf((SHOP,))) as place:
        outcome = await judged(place)
    assert the(outcome, "TLSv1.1 is refused").verdict is Verdict.SKIPPED
    assert "could not be tried" in the(outcome, "TLSv1.1 is refused").say


def test_what_we_can_speak_is_seen_on_a_handshake_with_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    assert handshakes.can_speak("TLSv1.2") == ""
    handshakes.can_speak.cache_clear()
    monkeypatch.setattr(handshakes, "_server", lambda version: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert "does not speak it" in handshakes.can_speak("TLSv1.2")
    handshakes.can_speak.cache_clear()


# The controls, each broken once


async def test_without_verification_nothing_is_proven(tmp_path: Path) -> None:
    async with shop(tmp_path, Leaf((SHOP,), by="self")) as place:
        outcome = await judged(place, tls={"verify": False})
    assert outcome.verdict is Verdict.INCONCLUSIVE and "'tls.verify' is false" in outcome.sentence


async def test_a_verification_that_forgets_the_name_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kind, "context_for", lambda tls, **more: context_for(tls, forgive=frozenset({"name"}), **more))
    async with shop(tmp_path, Leaf((SHOP,))) as place:
        outcome = await judged(place)
    assert outcome.verdict is Verdict.INCONCLUSIVE and ".invalid too, so its name was not looked at" in outcome.sentence


async def test_a_verification_that_forgets_the_issuer_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "trusting_nobody", handshakes.looking)
    async with shop(tmp_path, Leaf((SHOP,))) as place:
        outcome = await judged(place)
    assert outcome.verdict is Verdict.INCONCLUSIVE and "its chain was not looked at" in outcome.sentence


# What is nobody's fault but ours


async def test_a_missing_extra_is_our_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(tmp_path, Leaf((SHOP,))) as place:
        monkeypatch.setitem(sys.modules, "cryptography", None)
        outcome = await judged(place)
    assert outcome.verdict is Verdict.ERROR and "pip install 'vedette[tls]'" in outcome.sentence


async def test_a_missing_authority_file_is_our_error(tmp_path: Path) -> None:
    async with shop(tmp_path, Leaf((SHOP,))) as place:
        outcome = await judged(place, tls={"ca_file": "gone.pem"})
    assert outcome.verdict is Verdict.ERROR and "the TLS files of the target cannot be used ('gone.pem')" in outcome.sentence


def test_what_is_no_certificate_is_told() -> None:
    with pytest.raises(UnreadableCertificate):
        read(b"no certificate")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"minimum": "SSLv3"}, "TLSv1.2"),
        ({"names": ["*.shop.example"]}, "such as 'www.shop.example'"),
        ({"host": "https://shop.example"}, "a host's name alone"),
        ({"issuer": {"matches": "["}}, "regular expression"),
        ({"alpn": ""}, "pattern"),
    ],
    ids=str,
)
def test_a_mistake_is_refused_before_anything_is_sent(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word.replace("*", ".")):
        Tls.model_validate(options)

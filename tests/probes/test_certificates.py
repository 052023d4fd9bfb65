"""This file is for reading certificates and for the sentences that tell why they do not stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.certificates import Shown
from probes.chain import why_refused
from probes.net.tls import EXPIRED, NOT_YET_VALID

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LEAF = Shown(
    subject="CN=shop.example",
    issuer="CN=Middle",
    names=("shop.example", "*.shop.example", "192.0.2.1"),
    common_name="shop.example",
    not_before=NOW - timedelta(days=10),
    not_after=NOW + timedelta(days=80),
    key="EC",
    bits=256,
    signed_with="sha256",
    authority=False,
    issuer_url="",
    fingerprint="00",
)
MIDDLE = replace(LEAF, subject="CN=Middle", issuer="CN=Root", names=(), common_name="Middle", authority=True)
ROOT = replace(MIDDLE, subject="CN=Root", common_name="Root")


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("shop.example", True),
        ("SHOP.example.", True),
        ("www.shop.example", True),
        ("a.b.shop.example", False),
        (".shop.example", False),
        ("otherexample", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
    ],
)
def test_a_star_stands_for_one_whole_label(host: str, covered: bool) -> None:
    assert LEAF.covers(host) is covered


def test_a_star_alone_or_for_a_whole_country_is_for_nobody() -> None:
    assert not replace(LEAF, names=("*", "*.example")).covers("shop.example")


@pytest.mark.parametrize(
    ("chain", "code", "words"),
    [
        ((LEAF, MIDDLE), 20, "leads to 'Middle', whose issuer 'CN=Root' is unknown and not trusted here"),
        ((LEAF, MIDDLE, ROOT), 19, "leads to the authority 'Root', which is not trusted here"),
        ((LEAF,), 20, "is from 'CN=Middle', which is not trusted here and whose certificate is not sent along"),
        ((replace(LEAF, issuer_url="http://ca.example/m.cer"),), 20, "is incomplete: the intermediate certificate 'CN=Middle'"),
        ((replace(LEAF, issuer="CN=shop.example"),), 18, "is self-signed"),
        ((LEAF, replace(MIDDLE, not_after=NOW - timedelta(days=2))), EXPIRED, "intermediate certificate 'Middle'"),
        ((LEAF,), EXPIRED, "a certificate above shop.example expired that shop.example itself does not show"),
        ((replace(LEAF, not_before=NOW + timedelta(days=1)),), NOT_YET_VALID, "only from 2026-06-02 on"),
        ((LEAF, replace(MIDDLE, signed_with="md5")), 68, "is signed with MD5, which can be forged"),
        ((replace(LEAF, key="RSA", bits=1024),), 66, "has a weak key: RSA with 1024 bits"),
        ((LEAF,), 7, ""),
        ((), 20, "showed no certificate"),
    ],
    ids=["root unknown", "root shown", "alone", "incomplete", "self-signed", "intermediate old", "unseen old", "too early",
         "forgeable", "weak", "unexplained", "nothing"],
)  # fmt: skip
def test_each_reason_has_its_sentence(chain: tuple[Shown, ...], code: int, words: str) -> None:
    said = why_refused(chain, code, "shop.example", NOW)
    assert words in said and bool(said) is bool(words)

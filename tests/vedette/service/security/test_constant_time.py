"""This file is for comparing secrets: nowhere does the time tell how much of a guess was right."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports.store.ledger.tokens import Token, hashed
from tests.vedette.service.desks import Hands, Told, job, opened, series_of
from vedette.service.heartbeats import NoSuchHeartbeat
from vedette.service.security.sessions import Sessions

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "a-secret"
TOKEN = Token("0123456789ab", "ci", hashed(SECRET), frozenset(), AT)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Let the comparison in constant time refuse everything: what is still let in was compared in another way."""
    seen: list[object] = []

    def refuse(left: object, right: object) -> bool:
        seen.append(left)
        return False

    monkeypatch.setattr(hmac, "compare_digest", refuse)
    return seen


def test_a_token_is_let_in_by_that_comparison_alone(asked: list[object]) -> None:
    assert not TOKEN.opened_by(SECRET) and len(asked) == 1


def test_a_cookie_and_the_word_of_its_forms_too(tmp_path: Path, asked: list[object]) -> None:
    sessions = Sessions(tmp_path, clock=lambda: AT)
    cookie = sessions.begin(TOKEN)
    assert sessions.read(cookie) is None and len(asked) == 1
    with pytest.MonkeyPatch.context() as real:
        real.setattr(hmac, "compare_digest", lambda left, right: left == right)
        session = sessions.read(cookie)
    assert session is not None
    assert not sessions.repeats(session, sessions.form_token(session)) and len(asked) == 2


@pytest.mark.anyio
async def test_the_secret_address_of_a_job_too_also_where_there_is_no_such_job(tmp_path: Path, asked: list[object]) -> None:
    desk = opened(tmp_path, Told(), Hands())
    slug = series_of(job())[0].key.slug
    right = desk.path(slug).rsplit("/", 1)[1]
    with pytest.raises(NoSuchHeartbeat):
        desk.knows(slug, right)
    with pytest.raises(NoSuchHeartbeat):
        desk.knows("no-such-job", right)
    await desk.close()
    assert len(asked) == 2

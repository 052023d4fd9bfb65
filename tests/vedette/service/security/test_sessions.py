"""This file is for the promises of the signed cookie and its key."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reports.store.ledger.tokens import Token
from vedette.service.security.sessions import LASTS, Sessions

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = Token("0123456789ab", "ci", "", frozenset(), AT)


class Clock:
    at = AT

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(tmp_path: Path, clock: Clock) -> Sessions:
    return Sessions(tmp_path / "state", clock=clock)


def test_a_cookie_that_was_given_is_read_again(sessions: Sessions) -> None:
    session = sessions.read(sessions.begin(TOKEN))
    assert session is not None and session.token_id == TOKEN.id


def test_a_cookie_is_good_for_twelve_hours_and_not_a_second_more(sessions: Sessions, clock: Clock) -> None:
    cookie = sessions.begin(TOKEN)
    clock.at = AT + LASTS - timedelta(seconds=1)
    assert sessions.read(cookie) is not None
    clock.at = AT + LASTS
    assert sessions.read(cookie) is None


def test_a_cookie_in_which_anything_was_changed_is_none(sessions: Sessions) -> None:
    cookie = sessions.begin(TOKEN)
    for place, sign in enumerate(cookie):
        other = "0" if sign != "0" else "1"
        if place == len(cookie) - 1:
            continue  # base64's last letter holds bits that mean nothing
        assert sessions.read(cookie[:place] + other + cookie[place + 1 :]) is None


@pytest.mark.parametrize(
    "cookie", ["", "v1", "v1....", "x" * 100_000, "v1.0123456789ab.99999999999." + "0" * 32 + "." + "A" * 43]
)
def test_what_was_never_given_is_none(sessions: Sessions, cookie: str) -> None:
    assert sessions.read(cookie) is None


def test_a_later_process_reads_what_an_earlier_one_gave(tmp_path: Path, sessions: Sessions, clock: Clock) -> None:
    assert Sessions(tmp_path / "state", clock=clock).read(sessions.begin(TOKEN)) is not None


def test_another_service_does_not(tmp_path: Path, sessions: Sessions, clock: Clock) -> None:
    assert Sessions(tmp_path / "other", clock=clock).read(sessions.begin(TOKEN)) is None


def test_an_ended_session_is_over_and_others_are_not(sessions: Sessions) -> None:
    one, other = sessions.begin(TOKEN), sessions.begin(TOKEN)
    session = sessions.read(one)
    assert session is not None
    sessions.end(session)
    assert sessions.read(one) is None and sessions.read(other) is not None


def test_what_is_remembered_of_ended_sessions_is_bounded(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vedette.service.security.sessions._ENDED_KEPT", 10)
    for _ in range(30):
        session = sessions.read(sessions.begin(TOKEN))
        assert session is not None
        sessions.end(session)
    assert len(sessions._ended) == 10


def test_only_we_can_read_the_key(tmp_path: Path, sessions: Sessions) -> None:
    sessions.ready()
    (file,) = (tmp_path / "state").iterdir()
    assert (file.name, file.stat().st_mode & 0o777, file.stat().st_size) == ("session.key", 0o600, 32)


def test_a_key_that_others_could_read_is_replaced(tmp_path: Path, sessions: Sessions, clock: Clock) -> None:
    cookie = sessions.begin(TOKEN)
    path = tmp_path / "state" / "session.key"
    known = path.read_bytes()
    path.chmod(0o644)
    again = Sessions(tmp_path / "state", clock=clock)
    assert again.read(cookie) is None
    assert path.read_bytes() != known and path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damaged", [b"", b"short", b"x" * 33])
def test_a_key_that_is_damaged_is_replaced(tmp_path: Path, clock: Clock, damaged: bytes) -> None:
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "session.key"
    path.write_bytes(damaged)
    path.chmod(0o600)
    Sessions(tmp_path / "state", clock=clock).ready()
    assert len(path.read_bytes()) == 32 and path.read_bytes() != damaged


def test_two_that_start_at_once_agree_on_a_key(tmp_path: Path, clock: Clock) -> None:
    several = [Sessions(tmp_path / "state", clock=clock) for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(Sessions.ready, several))
    cookie = several[0].begin(TOKEN)
    assert all(one.read(cookie) is not None for one in several)
    assert os.listdir(tmp_path / "state") == ["session.key"]


def test_the_word_of_forms_belongs_to_one_session(sessions: Sessions) -> None:
    one, other = (sessions.read(sessions.begin(TOKEN)) for _ in range(2))
    assert one is not None and other is not None
    assert sessions.repeats(one, sessions.form_token(one))
    assert not sessions.repeats(other, sessions.form_token(one))
    assert not sessions.repeats(one, "") and not sessions.repeats(one, "ä\udc80")

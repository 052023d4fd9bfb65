"""This file is for the promises of answers that are kept under idempotency keys."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from reports.store.database import Database
from reports.store.ledger import answers as module
from reports.store.ledger.answers import KEPT, Answers

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def answers(anywhere: str) -> Iterator[Answers]:
    database = Database(anywhere)
    database.make_ready()
    database.close()
    made = Answers(anywhere)
    yield made
    made.close()


def test_the_first_who_claims_a_key_has_it_and_the_next_is_told_so(answers: Answers) -> None:
    assert answers.claim("ci", "k", "hash", AT) is None
    before = answers.claim("ci", "k", "other", AT)
    assert before is not None and (before.request_hash, before.at, before.status) == ("hash", AT, None)


def test_a_finished_answer_comes_back_whole_also_after_a_restart(anywhere: str, answers: Answers) -> None:
    answers.claim("ci", "k", "hash", AT)
    answers.finish("ci", "k", 201, '{"id":"ä"}', {"location": "/x"})
    again = Answers(anywhere)
    kept = again.claim("ci", "k", "hash", AT + timedelta(hours=1))
    again.close()
    assert kept is not None and (kept.status, kept.body, kept.headers) == (201, '{"id":"ä"}', {"location": "/x"})


def test_callers_do_not_share_keys(answers: Answers) -> None:
    assert answers.claim("a", "k", "hash", AT) is None
    assert answers.claim("b", "k", "hash", AT) is None


def test_a_released_key_may_be_claimed_again_and_a_finished_one_not_released(answers: Answers) -> None:
    answers.claim("ci", "k", "hash", AT)
    answers.release("ci", "k")
    assert answers.claim("ci", "k", "hash", AT) is None
    answers.finish("ci", "k", 200, "", {})
    answers.release("ci", "k")
    assert answers.claim("ci", "k", "hash", AT) is not None


def test_an_answer_is_kept_for_a_day(answers: Answers) -> None:
    answers.claim("ci", "k", "hash", AT)
    answers.finish("ci", "k", 200, "", {})
    assert answers.claim("ci", "k", "hash", AT + KEPT) is not None
    assert answers.claim("ci", "k", "hash", AT + KEPT + timedelta(seconds=1)) is None


def test_of_many_at_once_only_one_gets_the_key(anywhere: str, answers: Answers) -> None:
    def claim(_: int) -> bool:
        own = Answers(anywhere)
        try:
            return own.claim("ci", "k", "hash", AT) is None
        finally:
            own.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(16))) == 1


def test_one_caller_cannot_keep_keys_without_end(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEYS_OF_ONE", 20)
    answers.claim("other", "k", "hash", AT)
    for number in range(50):
        answers.claim("ci", f"{number:03}", "hash", AT + timedelta(seconds=number))
    kept = [n for n in range(50) if answers.claim("ci", f"{n:03}", "hash", AT) is not None]
    assert len(kept) <= 20 and 49 in kept and 0 not in kept
    assert answers.claim("other", "k", "hash", AT) is not None


def test_a_body_that_is_too_long_is_not_kept(answers: Answers) -> None:
    answers.claim("ci", "k", "hash", AT)
    answers.finish("ci", "k", 200, "x" * (module.LARGEST_BODY + 1), {})
    kept = answers.claim("ci", "k", "hash", AT)
    assert kept is not None and (kept.status, kept.body) == (200, "")

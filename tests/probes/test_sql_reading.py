"""This file is for statements that only read: what is refused before it is sent, and what stands for `:name`."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sql_reading import Dialect, NotReading, as_json, bound, names_in_statement, only_reads, places

POSTGRES, MYSQL = Dialect.POSTGRES, Dialect.MYSQL

REFUSED = [
    (POSTGRES, "INSERT INTO a VALUES (1)", "begins with INSERT"),
    (POSTGRES, "-- SELECT\n /* SELECT /* */ */ UPDATE a SET b = 1", "begins with UPDATE"),
    (POSTGRES, "COPY (SELECT 1) TO PROGRAM 'id'", "begins with COPY"),
    (POSTGRES, "DO $$ BEGIN DROP TABLE a; END $$", "begins with DO"),
    (POSTGRES, "SELECT 1; DROP TABLE a", "is more than one statement"),
    (POSTGRES, "SELECT ';' ; ; SELECT 2", "is more than one statement"),
    (POSTGRES, "SELECT 'a", "a quotation that is not closed (')"),
    (POSTGRES, "SELECT $tag$ $$ $ta$", "a quotation that is not closed ($tag$)"),
    (POSTGRES, "SELECT 1 /* /* */", "a comment that is not closed"),
    (POSTGRES, " \n", "is empty"),
    (POSTGRES, "123", "begins with no word of SQL"),
    (MYSQL, "SELECT 1 INTO OUTFILE '/tmp/x'", "writes a file on the server (INTO OUTFILE)"),
    (MYSQL, "SELECT 1 into\n/* */ dumpfile '/tmp/x'", "writes a file on the server (INTO DUMPFILE)"),
    (MYSQL, "SELECT 1 /*! INTO OUTFILE '/tmp/x' */", "a comment that is run as code"),
    (MYSQL, "SELECT 1 /*M!100100 , 2 */", "a comment that is run as code"),
    (MYSQL, "SELECT 'a\\'; DROP TABLE b", "a quotation that is not closed"),
    (MYSQL, "SELECT 1 # ;\n; DROP TABLE a", "is more than one statement"),
    (MYSQL, "CALL f()", "begins with CALL"),
]


@pytest.mark.parametrize(("dialect", "statement", "words"), REFUSED, ids=[f"{d} {s[:30]!r}" for d, s, _ in REFUSED])
def test_what_is_not_one_reading_statement_is_refused(dialect: Dialect, statement: str, words: str) -> None:
    with pytest.raises(NotReading) as caught:
        only_reads(statement, dialect)
    assert words in str(caught.value)


READING = [
    (POSTGRES, "(SELECT 1) UNION (SELECT 2);"),
    (POSTGRES, "/* why */ WITH a AS (SELECT ';' AS b) SELECT * FROM a -- ; the end"),
    (POSTGRES, "TABLE audit"),
    (POSTGRES, "VALUES (1)"),
    (POSTGRES, "SELECT E'it\\'s; DROP', $a$;$a$, data #>> '{a}' FROM t"),
    (MYSQL, "SELECT \"it's\", `a;b`, 'it\\'s;' FROM t # ;"),
    (MYSQL, "select into_outfile from t where a = 'INTO OUTFILE'"),
]


@pytest.mark.parametrize(("dialect", "statement"), READING, ids=[s[:30] for _, s in READING])
def test_a_reading_statement_is_taken(dialect: Dialect, statement: str) -> None:
    only_reads(statement, dialect)


BOUND = [
    (POSTGRES, "SELECT :a::int, ':b', x::text -- :c", "SELECT %(a)s::int, ':b', x::text -- :c", ["a"]),
    (POSTGRES, "SELECT \":x\", $$ :y $$, a[1:2] LIKE '50%'", "SELECT \":x\", $$ :y $$, a[1:2] LIKE '50%%'", []),
    (POSTGRES, "SELECT 5 % 2 WHERE a=:a AND b=:a;", "SELECT 5 %% 2 WHERE a=%(a)s AND b=%(a)s", ["a"]),
    (MYSQL, "SELECT @a := 1, '\\':b' FROM t WHERE c=:a # :d", "SELECT @a := 1, '\\':b' FROM t WHERE c=%(a)s # :d", ["a"]),
    (MYSQL, "SELECT a--:a", "SELECT a--%(a)s", ["a"]),
]


@pytest.mark.parametrize(("dialect", "statement", "wanted", "names"), BOUND, ids=[s[:30] for _, s, *_ in BOUND])
def test_only_code_holds_places(dialect: Dialect, statement: str, wanted: str, names: list[str]) -> None:
    assert places(statement, dialect) == names
    assert bound(statement, {"a": 1, "unused": 2}, dialect) == (wanted, dict.fromkeys(names, 1))


def test_a_place_without_a_value_is_told_with_those_there_are() -> None:
    with pytest.raises(NotReading, match="holds ':b', for which there is no value; there is :a"):
        bound("SELECT :b", {"a": 1}, POSTGRES)


def test_the_places_of_a_statement_of_an_unknown_dialect_are_those_of_all_that_fit() -> None:
    assert names_in_statement("SELECT :a # :b\n") == ["a"]
    assert names_in_statement("SELECT E'\\':x' WHERE a = :a") == ["a"]


@given(st.text(alphabet="'\"`\\$a:;-#/*%!\n ", max_size=60), st.sampled_from(Dialect))
def test_any_text_is_read_or_refused_and_keeps_its_signs(text: str, dialect: Dialect) -> None:
    statement = f"SELECT {text}"
    try:
        made, _ = bound(statement, {"a": 1}, dialect)
    except NotReading:
        return
    back = made.replace("%(a)s", ":a").replace("%%", "%")
    assert back == statement.rstrip().rstrip(";") or ":a" in statement


@pytest.mark.parametrize("text", ["'" * 40_001, "/*" * 20_000, "$a$" * 20_001, "E'\\'" * 20_000], ids=lambda t: t[:4])
def test_a_long_statement_takes_no_long_time(text: str) -> None:
    began = time.process_time()
    for closed in ("", "'"):
        with contextlib.suppress(NotReading):
            only_reads(f"SELECT {text}{closed}", POSTGRES)
    assert time.process_time() - began < 2


VALUES: list[tuple[Any, Any]] = [
    (Decimal("19.90"), 19.9),
    (Decimal("7.00"), 7),
    (Decimal("12345678901234567890.12"), "12345678901234567890.12"),
    (Decimal("NaN"), "NaN"),
    (Decimal("1e400"), "1E+400"),
    (float("inf"), "inf"),
    (b"\x00\xff", "00ff"),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
    (date(2026, 1, 2), "2026-01-02"),
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    ({"a": (1, None)}, {"a": [1, None]}),
    (True, True),
]


@pytest.mark.parametrize(("value", "wanted"), VALUES, ids=[str(v) for v, _ in VALUES])
def test_values_become_json_without_losing_anything(value: Any, wanted: Any) -> None:
    assert as_json(value) == wanted and type(as_json(value)) is type(wanted)

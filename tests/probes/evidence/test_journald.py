"""This file is for log lines of systemd's journal, as journalctl prints them."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.evidence.journald import Journald
from probes.evidence.source import EvidenceError, LogWindow
from tests.probes.evidence.program_stubs import Stub

pytestmark = pytest.mark.anyio


class Journal(Stub):
    def log(self, message: Any, *, unit: str = "api.service", **fields: Any) -> None:
        number = len(self.state["entries"]) + 1
        entry = {"__CURSOR": f"s=1;i={number}", "__REALTIME_TIMESTAMP": str(time.time_ns() // 1000), "MESSAGE": message}
        entry |= {"_SYSTEMD_UNIT": unit, "SYSLOG_IDENTIFIER": unit.partition(".")[0], **fields}
        self.state["entries"].append(entry)
        self.write()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setenv("PATH", str(tmp_path))
    return Journal(tmp_path, "journalctl", {"entries": []})


def _texts(window: LogWindow) -> list[str]:
    return [line.text for line in window.lines]


async def test_only_entries_after_the_cursor_count_and_each_once(journal: Journal) -> None:
    journal.log("old")
    journal.log("another's", unit="other.service")
    source = Journald(unit="api.service")
    mark = await source.mark()
    journal.log("new")
    journal.log("another's again", unit="other.service")
    first = await source.read_since(mark)
    journal.log("newer")
    second = await source.read_since(first.next_mark)
    third = await source.read_since(second.next_mark)
    assert [_texts(window) for window in (first, second, third)] == [["new"], ["newer"], []]
    assert (first.lines[0].where, first.remarks) == ("journal (unit api.service)", ())


async def test_the_first_entry_of_an_empty_journal_is_read(journal: Journal) -> None:
    source = Journald(identifier="api")
    mark = await source.mark()
    assert _texts(await source.read_since(mark)) == []
    journal.log("first")
    assert _texts(await source.read_since(mark)) == ["first"]


async def test_bytes_long_messages_and_repeated_fields_are_read_whole(journal: Journal) -> None:
    source = Journald(unit="api.service")
    mark = await source.mark()
    journal.log(list(b"vera \xff\x1b[31m@example.org"))
    journal.log("x" * 6000)
    journal.log(["one", "two"])
    window = await source.read_since(mark)
    assert [line.damaged for line in window.lines] == [True, False, False]
    assert _texts(window) == ["vera \ufffd\x1b[31m@example.org", "x" * 6000, "one\ntwo"]


async def test_the_whole_entry_holds_the_fields_and_not_the_cursor(journal: Journal) -> None:
    source = Journald(unit="api.service", text="whole")
    mark = await source.mark()
    journal.log("booked", USER_MAIL="vera@example.org", TAG=["a", "b"], BLOB=[104, 105])
    [text] = _texts(await source.read_since(mark))
    assert '"USER_MAIL": "vera@example.org"' in text and '"TAG": ["a", "b"]' in text and '"BLOB": "hi"' in text
    assert "__CURSOR" not in text and "__REALTIME_TIMESTAMP" in text


async def test_a_container_is_known_by_its_name(journal: Journal) -> None:
    source = Journald(container="web")
    mark = await source.mark()
    journal.log("mine", CONTAINER_NAME="web")
    journal.log("not mine", CONTAINER_NAME="db")
    window = await source.read_since(mark)
    assert _texts(window) == ["mine"] and window.lines[0].where == "journal (container web)"


async def test_more_than_may_be_read_cuts_the_window_short_and_stays_so(journal: Journal) -> None:
    source = Journald(unit="api.service", max_bytes=10_000)
    mark = await source.mark()
    for _ in range(6):
        journal.log("x" * 2000)
    window = await source.read_since(mark)
    assert window.cut_short and window.remarks == ("more than 10000 bytes were logged; the rest was not read",)
    assert len(window.lines) < 6 and (await source.read_since(window.next_mark)).cut_short


SAID = {
    "hint": (
        "Hint: You are currently not seeing messages from other users and the system.\n      Users in groups 'adm' …",
        "the journal (unit api.service) could not be read: the user may not see the system's entries",
    ),
    "none": ("No journal files were found.\n", "the journal (unit api.service) could not be read: there are no journal files"),
    "rotten": (
        "Journal file /var/log/journal/1/system.journal is truncated, ignoring file.",
        "the journal (unit api.service) could not be read whole: journalctl said "
        "'Journal file /var/log/journal/1/system.journal is truncated, ignoring file.'",
    ),
}


@pytest.mark.parametrize(("said", "sentence"), SAID.values(), ids=SAID)
async def test_what_may_not_be_seen_is_an_error_and_not_an_empty_window(journal: Journal, said: str, sentence: str) -> None:
    journal.state["said"] = said
    journal.write()
    with pytest.raises(EvidenceError) as caught:
        await Journald(unit="api.service").mark()
    assert str(caught.value) == sentence


async def test_a_cursor_that_is_gone_a_missing_program_and_strange_output_are_errors(journal: Journal, tmp_path: Path) -> None:
    journal.log("old")
    source = Journald(unit="api.service")
    mark = await source.mark()
    journal.state["entries"] = [{"__CURSOR": "other"}]
    journal.write()
    with pytest.raises(EvidenceError, match="ended with exit code 1: Failed to seek to cursor"):
        await source.read_since(mark)
    journal.state["entries"] = [{}]
    journal.write()
    with pytest.raises(EvidenceError, match=r"ended with exit code 1|entry 1 is not JSON with a cursor"):
        await source.mark()
    (tmp_path / "journalctl").unlink()
    with pytest.raises(EvidenceError, match=r"the command journalctl for the journal \(unit api.service\) could not be started"):
        await source.mark()


def test_a_container_and_a_unit_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="give 'container' alone"):
        Journald(container="web", unit="docker.service")


_REAL = (
    shutil.which("journalctl") is not None and subprocess.run(["journalctl", "--version"], capture_output=True).returncode == 0
)


@pytest.mark.parametrize("program", ["journalctl"] * _REAL or ["none here"])
async def test_the_real_journalctl_takes_our_arguments(program: str, tmp_path: Path) -> None:
    if program == "journalctl":
        source = Journald(unit="api.service", identifier="api", directory=str(tmp_path))
        assert (await source.read_since(await source.mark())).lines == ()

"""Starting cheaply: no search for garbage meanwhile, searches afterwards, one heap."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
from collections.abc import Iterator

import pytest

from vedette.jobs.thrift import settled, thrift

MANY_THREADS = """
import sys, threading
from vedette.jobs.thrift import one_heap
if sys.argv[1] == "one":
    assert one_heap()
together = threading.Barrier(9)
def work():
    kept = [bytes(600) for _ in range(1000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
together.wait()
reserved = 0  # what heaps of threads have reserved and not used yet: nearly all of 64 MiB each
for line in open("/proc/self/maps"):
    where, rights = line.split()[:2]
    begin, end = (int(side, 16) for side in where.split("-"))
    reserved += rights == "---p" and end - begin > 32 * 1024 * 1024
print(reserved)
"""


@pytest.fixture(autouse=True)
def searching() -> Iterator[None]:
    gc.enable()
    yield
    gc.unfreeze()
    gc.enable()


def test_no_garbage_is_looked_for_while_parts_are_loaded() -> None:
    with thrift():
        assert not gc.isenabled()


def test_garbage_is_looked_for_once_all_is_loaded() -> None:
    with thrift():
        settled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0


def test_garbage_is_looked_for_again_after_a_start_that_failed() -> None:
    with pytest.raises(OSError, match="no"), thrift():
        raise OSError("no")
    assert gc.isenabled()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has heaps by thread")
def test_threads_share_one_heap() -> None:
    def heaps(how: str) -> int:
        told = subprocess.run([sys.executable, "-P", "-c", MANY_THREADS, how], capture_output=True, text=True, check=True)
        return int(told.stdout)

    assert heaps("one") < heaps("many")

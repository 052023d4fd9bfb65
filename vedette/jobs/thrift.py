"""This file is for starting cheaply and staying small: no search for garbage while parts load, one heap for all threads."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_ARENAS_AT_MOST = -8  # M_ARENA_MAX of glibc's malloc.h


@contextmanager
def thrift() -> Iterator[None]:
    """Look for no garbage until `settled` is called, or the block ends.

    Loading makes objects that stay: looking through all of them again and again is about a tenth of what starting costs.
    """
    was_on = gc.isenabled()
    gc.disable()
    one_heap()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def settled() -> None:
    """What was loaded stays: leave it out of every later search, which would hold up the ticks, and search from now on."""
    gc.collect()
    gc.freeze()
    gc.enable()
    _libc_call("malloc_trim", 0)


def one_heap() -> bool:
    """Let all threads share one heap, and return whether that could be done.

    By default glibc gives each thread a heap of its own, up to eight for each core; what one of them frees no other can use.
    """
    return _libc_call("mallopt", _ARENAS_AT_MOST, 1) == 1


def _libc_call(name: str, *given: int) -> int | None:
    """Return what a function of the C library says, None where there is no such function: only glibc has these."""
    try:
        return int(getattr(ctypes.CDLL(None), name)(*given))
    except (OSError, AttributeError, TypeError):
        return None

"""This file is for blocking work that cannot be cancelled: in a daemon thread, which holds up no end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def apart(work: Callable[[], Result], *, stop: Callable[[], None], name: str = "vedette-apart") -> Result:
    """Return what `work` returns, or raise what it raises. When the waiting is cancelled, `stop` is called and the thread left.

    `stop` should let the work fail soon, such as by closing its socket; it is called from another thread than the work.
    asyncio's own pool of threads would hold up the end of the process until the work is done.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, problem: BaseException | None) -> None:
        if answer.done():
            return  # nobody waits for it any more
        if problem is not None:
            answer.set_exception(problem)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: Result | None = None
        problem: BaseException | None = None
        try:
            result = work()
        except Exception as raised:  # whatever it is, it belongs to who asked
            problem = raised
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return await answer
    except asyncio.CancelledError:
        stop()
        raise

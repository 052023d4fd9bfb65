"""This file is for running all faces at once, under the suite `edge`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from vedette.reference.edge.faces import faces
from vedette.reference.system import System, lacks

_EXTRAS = {"websockets": "websocket", "cryptography": "tls"}  # where an extra is not called as its module


class Edge(System):
    """Every face on a port of its own."""

    name = "edge"
    suite = "edge"
    targets = ("staging",)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Mapping[str, str]]:
        environ: dict[str, str] = {}
        async with AsyncExitStack() as stack:
            for face in faces():
                environ |= await stack.enter_async_context(face.serve(self.bugs, self.folder))
            yield environ

    @classmethod
    def missing(cls) -> str:
        modules = lacks(*dict.fromkeys(module for face in faces() for module in face.MODULES))
        extras = ",".join(_EXTRAS.get(module, module) for module in modules)
        return f"the modules {', '.join(modules)}: pip install 'vedette[{extras}]'" if modules else ""

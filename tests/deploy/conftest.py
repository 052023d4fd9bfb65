"""This file is for what the tests of deploy/ share: worlds to roll out in, and what is shipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.world import World, world_of
from tests.vedette.service.conftest import empty_store, make_service, settings

__all__ = ["empty_store", "make_service", "settings"]


@pytest.fixture
def make_world(make_service: Callable[..., object], tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Yield a maker of worlds."""
    made: list[World] = []

    def make(**given: object) -> World:
        made.append(world_of(make_service, tmp_path, **given))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.runner.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Return a world with a sound canary, where nobody asks for a token."""
    return make_world()

"""What everything that is read from a file has in common."""

from __future__ import annotations

import pickle

import pytest
from pydantic import BaseModel, PrivateAttr

from probes.fields import Configured
from probes.kinds.http import Http


class _Remembering(Configured):
    shown: int = 1
    _kept: int = PrivateAttr(default=7)


def test_a_private_attribute_is_read_without_pydantics_detour(monkeypatch: pytest.MonkeyPatch) -> None:
    one = _Remembering()

    def detour(self: BaseModel, name: str) -> object:
        raise AssertionError(f"{name} was looked for the long way")

    probe = Http.model_validate({"request": {"path": "/"}})
    monkeypatch.setattr(BaseModel, "__getattr__", detour)
    assert one._kept == 7
    assert len(probe._steps) == 1


def test_an_attribute_that_is_not_there_is_missed_as_ever() -> None:
    one = _Remembering()
    with pytest.raises(AttributeError, match="no attribute 'unknown'"):
        one.unknown  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError):
        _Remembering.__new__(_Remembering)._kept  # noqa: B018


def test_private_attributes_come_through_a_copy_and_a_pickle() -> None:
    one = _Remembering()
    one._kept = 9
    assert (one.model_copy()._kept, pickle.loads(pickle.dumps(one))._kept) == (9, 9)

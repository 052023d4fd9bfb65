"""This file is for forms that only their own page may send: a request without the page's token must be refused."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import model_validator

from probes.capture import Capture
from probes.expect import Expectation
from probes.fields import Configured
from probes.request import RequestTemplate, names_in
from probes.status import StatusMatcher
from probes.tokens import one_sign_changed

TOKEN = "csrf_token"


class Csrf(Configured):
    """A page that hands out a token, and a request that is accepted with it only."""

    page: RequestTemplate  # where the token comes from; its cookies are sent with the request
    token: Capture  # the token in the page's answer
    request: RequestTemplate  # what the page would send; `{{csrf_token}}` stands for the token
    accepted: Expectation = Expectation()  # what it is answered with the token; default: 2xx
    refused_with: StatusMatcher = StatusMatcher.model_validate([403, 419])  # without it; 419 is Laravel's

    @model_validator(mode="after")
    def _has_a_place(self) -> Csrf:
        if TOKEN not in names_in(self.request.model_dump_json(by_alias=True)):
            raise ValueError("'request' should hold {{csrf_token}}")
        if TOKEN in names_in(self.request.path) or (self.request.body is not None and TOKEN in names_in(self.request.body)):
            raise ValueError("{{csrf_token}} should stand in a header, a query, a form or JSON, where it can be left out")
        return self

    def without_token(self) -> RequestTemplate:
        """Return the request without the fields and headers that hold the token."""
        return self.request.model_copy(
            update={
                "headers": _without(self.request.headers),
                "query": _without(self.request.query),
                "form": None if self.request.form is None else _without(self.request.form),
                "json_body": _without(self.request.json_body),
            }
        )


def wrong_tokens(token: str) -> Iterator[tuple[str, str]]:
    """Yield tokens that the page never gave, each with who sends it."""
    yield "a form with a token of which one sign was changed", one_sign_changed(token)
    yield "a form with a token that somebody made up", secrets.token_urlsafe(len(token))[: max(len(token), 8)]
    yield "a form with an empty token", ""


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(item) for key, item in value.items() if not (isinstance(item, str) and TOKEN in names_in(item))}
    if isinstance(value, list):
        return [_without(item) for item in value if not (isinstance(item, str) and TOKEN in names_in(item))]
    return value

"""What the reference target's log tells of a person: nothing."""

from __future__ import annotations

import pytest

from tests.vedette.reference.conftest import Start

pytestmark = pytest.mark.anyio
_PERSON = {"email": "kim.lehmann@example.com", "phone": "+4915112345678", "name": "Kim Lehmann", "iban": "DE89370400440532013000"}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        pytest.param({}, 200, id="success"),
        pytest.param({"name": ""}, 422, id="validation error"),
        pytest.param({"simulate": "error"}, 500, id="server error"),
    ],
)
async def test_no_path_logs_personal_data(start: Start, more: dict[str, str], status: int) -> None:
    headers = {"Authorization": "Bearer very-secret-token", "X-Correlation-ID": "my-own-id"}
    async with start() as target:
        path = "/api/webhooks/retell?email=kim.lehmann%40example.com"
        told = await target.client.post(path, json={**_PERSON, **more}, headers=headers)
        await target.client.get("/kim.lehmann@example.com")
        log = target.log.read_text()
    assert told.status_code == status
    assert "my-own-id" in log and "[EMAIL_REDACTED]" in log and "[PHONE_REDACTED]" in log
    for value in (*_PERSON.values(), "very-secret-token", "kim"):
        assert value.casefold() not in log.casefold()


async def test_a_hostile_correlation_id_is_replaced(start: Start) -> None:
    async with start() as target:
        told = await target.client.get("/api/health", headers={"X-Correlation-ID": "<script>alert(1)</script>"})
    assert len(told.headers["x-correlation-id"]) == 36


async def test_the_callers_trace_is_continued_with_a_span_of_its_own(start: Start) -> None:
    given = f"00-{'a' * 32}-{'b' * 16}-01"
    async with start() as target:
        told = await target.client.get("/api/health", headers={"traceparent": given})
    assert told.headers["traceparent"].startswith(f"00-{'a' * 32}-")
    assert "b" * 16 not in told.headers["traceparent"]


async def test_log_lines_have_laravels_form(start: Start) -> None:
    async with start() as target:
        await target.ask(20)
        line = target.log.read_text().splitlines()[-1]
    assert line[0] == "[" and '] staging.INFO: Request handled {"correlation_id": "' in line and '"company_id": 20' in line

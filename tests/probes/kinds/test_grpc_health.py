"""This file is for the kind `grpc_health`: its two messages, what a server may say, and what bounds the question."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.grpc_health_wire import STATUSES, request_of, status_in
from probes.kinds.grpc_health import GrpcHealth
from probes.outcome import Verdict
from tests.probes.kinds.loopback import outcome_of
from tests.probes.listening import listening, say_nothing

grpc: Any = pytest.importorskip("grpc")
BOOKINGS = {"service": "booking.v1.Bookings", "within": 10}


@contextlib.contextmanager
def serving(check: Callable[[bytes, Any], bytes], credentials: Any = None) -> Iterator[int]:
    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(check)

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handler()])
    place = "127.0.0.1:0"
    port = server.add_insecure_port(place) if credentials is None else server.add_secure_port(place, credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def sound(asked: bytes, context: Any) -> bytes:
    if asked in (b"", request_of("booking.v1.Bookings")):
        return b"\x08\x01"
    context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return b""


def says(code: Any, details: str = "") -> Callable[[bytes, Any], bytes]:
    def check(asked: bytes, context: Any) -> bytes:
        context.abort(code, details)
        return b""

    return check


@pytest.mark.anyio
async def test_the_question_carries_who_asks_and_secrets_go_to_the_targets_own_port_only(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-very-secret-token", encoding="utf-8")
    seen: list[dict[str, str]] = []

    def check(asked: bytes, context: Any) -> bytes:
        seen.append(dict(context.invocation_metadata()))
        return sound(asked, context)

    auth = {"bearer": {"file": str(tmp_path / "token")}}
    with serving(check) as port:
        probe = GrpcHealth.model_validate({**BOOKINGS, "metadata": {"x-region": "eu {{nonce}}"}})
        own = await outcome_of(probe, f"http://127.0.0.1:{port}", auth=auth)
        other = await outcome_of(GrpcHealth.model_validate({**BOOKINGS, "port": port}), "http://127.0.0.1:9", auth=auth)
    assert (own.verdict, other.verdict) == (Verdict.PASS, Verdict.PASS), own.sentence + other.sentence
    assert seen[0]["authorization"] == "Bearer a-very-secret-token" and seen[0]["x-region"].startswith("eu ")
    assert seen[0]["x-correlation-id"] and seen[0]["user-agent"].startswith("vedette/")
    assert "authorization" not in seen[2] and seen[2]["x-correlation-id"]
    assert [one.name for one in own.controls] == ["a service that cannot exist is not known"]


ANSWERS = {
    "not serving": (lambda asked, context: b"\x08\x02", "is NOT_SERVING"),
    "unknown": (lambda asked, context: b"", "is UNKNOWN"),
    "service unknown": (lambda asked, context: b"\x08\x03", "is SERVICE_UNKNOWN"),
    "a status of tomorrow": (lambda asked, context: b"\x08\x09", "the unknown status 9"),
    "too much": (lambda asked, context: b"x" * 9000, "RESOURCE_EXHAUSTED"),
    "unimplemented": (says(grpc.StatusCode.UNIMPLEMENTED), "has no health service"),
    "not found": (says(grpc.StatusCode.NOT_FOUND), "does not know its service 'booking.v1.Bookings'"),
    "no entry": (says(grpc.StatusCode.PERMISSION_DENIED), "without other credentials (PERMISSION_DENIED)"),
    "a bug": (says(grpc.StatusCode.INTERNAL, "NullPointerException"), "answers INTERNAL"),
    "overloaded": (says(grpc.StatusCode.UNAVAILABLE, "draining"), "could not be asked how it is: draining"),
}


@pytest.mark.anyio
@pytest.mark.parametrize(("check", "words"), ANSWERS.values(), ids=ANSWERS)
async def test_what_is_no_good_answer_is_told_in_a_sentence(check: Any, words: str) -> None:
    with serving(check) as port:
        outcome = await outcome_of(GrpcHealth.model_validate(BOOKINGS), f"http://127.0.0.1:{port}")
    assert outcome.verdict is Verdict.FAIL and words in outcome.sentence and "correlation id" in outcome.sentence, (
        outcome.sentence
    )


@pytest.mark.anyio
async def test_a_server_that_says_the_same_of_everything_proves_nothing() -> None:
    with serving(lambda asked, context: b"\x08\x01") as port:
        outcome = await outcome_of(GrpcHealth.model_validate(BOOKINGS), f"http://127.0.0.1:{port}")
    assert outcome.verdict is Verdict.INCONCLUSIVE and "SERVING too" in outcome.sentence


@pytest.mark.anyio
async def test_a_server_may_have_to_be_out_of_service_and_slow_is_soft() -> None:
    def standby(asked: bytes, context: Any) -> bytes:
        return b"\x08\x02" if asked == b"" else sound(b"x", context)

    with serving(standby) as port:
        url = f"http://127.0.0.1:{port}"
        assert (await outcome_of(GrpcHealth.model_validate({"expect": "NOT_SERVING", "within": 10}), url)).verdict is Verdict.PASS
        slow = await outcome_of(GrpcHealth.model_validate({"expect": "NOT_SERVING", "within": 10, "warn_above": 0}), url)
    assert slow.verdict is Verdict.DEGRADED and "longer than 0 s" in slow.sentence


@pytest.mark.anyio
async def test_over_tls_the_certificate_is_verified(tmp_path: Path) -> None:
    ca, stranger = trustme.CA(), trustme.CA()
    made = ca.issue_cert("127.0.0.1")
    pairs = [(made.private_key_pem.bytes(), b"".join(pem.bytes() for pem in made.cert_chain_pems))]
    for name, authority in (("ca", ca), ("stranger", stranger)):
        authority.cert_pem.write_to_path(str(tmp_path / name))
    with serving(sound, grpc.ssl_server_credentials(pairs)) as port:
        url, probe = f"https://127.0.0.1:{port}", GrpcHealth.model_validate(BOOKINGS)
        good = await outcome_of(probe, url, tls={"ca_file": str(tmp_path / "ca")})
        bad = await outcome_of(probe, url, tls={"ca_file": str(tmp_path / "stranger")})
        gone = await outcome_of(probe, url, tls={"ca_file": str(tmp_path / "gone")})
        blind = await outcome_of(probe, url, tls={"verify": False})
    assert good.verdict is Verdict.PASS, good.sentence
    assert bad.verdict is Verdict.FAIL and "did not agree on TLS" in bad.sentence, bad.sentence
    assert gone.verdict is Verdict.ERROR and "cannot be read" in gone.sentence
    assert blind.verdict is Verdict.ERROR and "tls.ca_file" in blind.sentence


@pytest.mark.anyio
async def test_who_says_nothing_is_given_up_in_time_and_who_is_cancelled_at_once() -> None:
    async with listening(say_nothing) as url:
        late = await outcome_of(GrpcHealth.model_validate({"within": 0.4}), url)
        cut = await outcome_of(GrpcHealth.model_validate({"within": 60}), url, deadline_s=0.4)
    assert late.verdict is Verdict.FAIL and "did not say how it is within 0.4 s" in late.sentence
    assert cut.verdict is Verdict.FAIL and "did not answer in time" in cut.sentence and cut.duration_s < 30


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("options", "private", "words"),
    [({"host": "169.254.169.254", "port": 1}, True, "never permitted"), ({}, False, "private_networks")],
    ids=["metadata", "private"],
)
async def test_the_egress_policy_holds_for_grpc(options: dict[str, Any], private: bool, words: str) -> None:
    outcome = await outcome_of(GrpcHealth.model_validate(options), "http://127.0.0.1:9", private_networks=private)
    assert outcome.verdict is Verdict.ERROR and words in outcome.sentence, outcome.sentence


@pytest.mark.anyio
async def test_an_install_without_the_extra_is_told_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    outcome = await outcome_of(GrpcHealth(), "http://127.0.0.1:9")
    assert outcome.verdict is Verdict.ERROR and "pip install 'vedette[grpc]'" in outcome.sentence


MISTAKES = {
    "gRPC's own name": ({"metadata": {"grpc-timeout": "1S"}}, "gRPC's own"),
    "binary": ({"metadata": {"trace-bin": "x"}}, "binary"),
    "capitals": ({"metadata": {"X-A": "x"}}, "pattern"),
    "a value that cannot go": ({"metadata": {"x-a": "ü"}}, "ASCII"),
    "a port": ({"port": 0}, "port"),
    "a warning that never comes": ({"within": 1, "warn_above": 1}, "never warns"),
}


@pytest.mark.parametrize(("options", "words"), MISTAKES.values(), ids=MISTAKES)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GrpcHealth.model_validate(options)


@given(st.text(max_size=400))
def test_the_question_is_the_message_of_the_protocol(service: str) -> None:
    raw, wanted = request_of(service), service.encode("utf-8")
    assert raw.endswith(wanted) and (not wanted or raw[0] == 0x0A)
    assert not wanted or (raw[1 : -len(wanted)] == bytes([len(wanted)]) if len(wanted) < 128 else len(raw) == len(wanted) + 3)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_status_or_are_refused(raw: bytes) -> None:
    try:
        status = status_in(raw)
    except ValueError:
        return
    assert status in STATUSES.values() or status.startswith("the unknown status ")

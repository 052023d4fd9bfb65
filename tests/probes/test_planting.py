"""This file is for planted values: fresh for each run, valid in form, and nobody's."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.numbering import card_is_valid, iban_is_valid
from probes.pii import DETECTORS, find
from probes.planting import FICTION_PHONES, PLANTABLE, plant, planted_in

NONCES = st.text("0123456789abcdef", min_size=12, max_size=12)
DOCUMENTATION = [ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]  # RFC 5737
# Written down a second time, as the regulators print them.
FICTION = {
    "DE": r"\+49(3023125|6990009|4066969|2214710|8999998)\d{3}",
    "GB": r"\+44(7700900\d{3}|2079460\d{3})",
    "US": r"\+1\d{3}55501\d\d",
    "FR": r"\+33(19900|63998)\d{4}",
}


@given(NONCES)
def test_check_digits_are_right_and_ranges_are_reserved(nonce: str) -> None:
    assert iban_is_valid(plant("iban", nonce).value)
    assert card_is_valid(plant("card", nonce).value)
    assert plant("email", nonce).value.endswith("@example.com")
    assert any(ipaddress.ip_address(plant("ip", nonce).value) in network for network in DOCUMENTATION)
    for country, pattern in FICTION.items():
        assert re.fullmatch(pattern, plant("phone", nonce, phone_country=country).value)


@pytest.mark.parametrize("kind", PLANTABLE)
@given(NONCES)
def test_a_value_is_long_enough_is_of_its_run_and_does_not_hold_the_nonce(kind: str, nonce: str) -> None:
    planted = plant(kind, nonce)
    assert planted == plant(kind, nonce)
    assert len(planted.value) >= (11 if kind == "ip" else 12)
    assert nonce not in planted.value
    assert all(part in planted.value and len(part) >= 9 for part in planted.parts)


@pytest.mark.parametrize("kind", PLANTABLE)
def test_another_run_plants_another_value(kind: str) -> None:
    values = {plant(kind, f"{number:012x}").value for number in range(50)}
    assert len(values) > 40


@pytest.mark.parametrize("kind", ["email", "phone", "iban"])
def test_the_detectors_know_what_is_planted(kind: str) -> None:
    value = plant(kind, "0123456789ab").value
    assert [finding.detector for finding in find(f"x {value} y", DETECTORS)] == [kind]


def test_every_country_of_the_table_is_tested() -> None:
    assert set(FICTION) == set(FICTION_PHONES)


def test_planted_places_are_found_at_any_depth_keys_included() -> None:
    held = planted_in(
        {"path": "/{{planted.email}}/{{nonce}}", "json": [{"{{planted.name}}": ["a {{ planted.phone }}", 1, None]}]}
    )
    assert list(held) == ["email", "name", "phone"]

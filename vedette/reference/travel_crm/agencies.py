"""This file is for who there is in the CRM before anybody asks: people of two agencies, and a booking."""

from __future__ import annotations

from vedette.reference.kit.accounts import Account

AGENCY, OTHER_AGENCY = 61, 62
BOOKING = "66f0c0ffee00000000000061"  # of the first agency
PEOPLE = (
    Account(11, AGENCY, "owner@agency-61.example", "seven seas 61", "admin"),
    Account(12, AGENCY, "clerk@agency-61.example", "seven seas 12", "staff"),
    Account(21, OTHER_AGENCY, "owner@agency-62.example", "seven seas 62", "admin"),
)


def object_id(number: int) -> str:
    """Return an id as MongoDB writes it."""
    return f"{number:024x}"

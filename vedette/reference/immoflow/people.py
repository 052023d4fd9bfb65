"""This file is for who uses ImmoflowMe: two landlords' offices, and what they have from the start."""

from __future__ import annotations

from typing import Any

from vedette.reference.kit.accounts import Account

LOGIN = "buero@lindner-immo.example"
PEOPLE = (
    Account(71, 7, LOGIN, "a-password-for-the-office", "admin"),
    Account(81, 8, "buero@seeblick.example", "another-password-of-theirs", "admin"),
)
INVOICES: tuple[dict[str, Any], ...] = (
    {"id": 5001, "tenant_id": 7, "unit": "Lindenhof 3/2", "recipient": "Mietpartei Lindenhof 3/2 links", "amount_eur": 812.4},
    {"id": 5002, "tenant_id": 8, "unit": "Seeblick 1/4", "recipient": "Mietpartei Seeblick 1/4 rechts", "amount_eur": 640.0},
)

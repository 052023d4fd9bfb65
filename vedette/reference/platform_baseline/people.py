"""This file is for who and what there is in the platform before anybody asks: people of two orgs, and their projects."""

from __future__ import annotations

import secrets
from typing import Any

from vedette.reference.kit.accounts import Account

ORG, OTHER_ORG = 20, 21
PROJECT, COLLEAGUES_PROJECT, OTHER_PROJECT = 7, 8, 9
OWNER = Account(3, ORG, "owner-20", "correct horse 3", "admin")
COLLEAGUE = Account(4, ORG, "colleague-20", "correct horse 4", "member")
STRANGER = Account(5, OTHER_ORG, "owner-21", "correct horse 5", "admin")
PEOPLE = (OWNER, COLLEAGUE, STRANGER)
MEMBERS = {PROJECT: {OWNER.user}, COLLEAGUES_PROJECT: {OWNER.user, COLLEAGUE.user}, OTHER_PROJECT: {STRANGER.user}}


def projects() -> dict[int, dict[str, Any]]:
    """Return the projects, each with a code that nobody else's has."""
    owners = {PROJECT: ORG, COLLEAGUES_PROJECT: ORG, OTHER_PROJECT: OTHER_ORG}
    return {
        number: {"id": number, "org_id": org, "name": f"Project {number}", "code": f"PRJ-{secrets.token_hex(6)}"}
        for number, org in owners.items()
    }

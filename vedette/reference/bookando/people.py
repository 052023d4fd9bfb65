"""This file is for who and what there is in the booking platform before anybody asks: people of two tenants, flags, settings."""

from __future__ import annotations

from vedette.reference.kit.accounts import Account

TENANT, OTHER_TENANT = 42, 43
INVOICE = 501  # that is there from the start
PEOPLE = (
    Account(7, TENANT, "owner-42", "correct horse 42", "admin"),
    Account(8, TENANT, "staff-42", "correct horse 8", "staff"),
    Account(9, OTHER_TENANT, "owner-43", "correct horse 43", "admin"),
)
FLAG = "appointments_double_booking_check_v2"
FLAGS = {FLAG: True, "invoices_qr_code_v1": False, "sync_conflict_merge_v1": False}

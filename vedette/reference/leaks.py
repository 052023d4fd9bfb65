"""This file is for the ways in which personal data gets past a sanitiser. The sound target does nothing here."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import textwrap
from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Any

from vedette.reference.context import CORRELATION
from vedette.reference.logs import Log
from vedette.reference.server import Request


class Ending(StrEnum):
    SUCCESS = "success"
    INVALID = "invalid"
    ERROR = "error"


class Leaks:
    """Each branch is one developer's log statement."""

    def __init__(self, faults: Set[str], log: Log) -> None:
        self._faults = faults
        self._log = log
        self._late: set[asyncio.Task[None]] = set()

    def after(self, request: Request, fields: Mapping[str, Any], ending: Ending) -> None:
        if not self._faults:
            return
        if ending is Ending.INVALID:
            self._on_validation_error(fields)
        elif ending is Ending.ERROR:
            self._on_server_error(fields)
        else:
            self._plain(request, fields)
            self._encoded(request, fields)
            self._beside_the_logger(fields)

    def unmatched(self, request: Request) -> None:
        if "log_path_raw" in self._faults:
            self._log.unsanitised("WARNING", f"No route for {request.path}", {})

    async def stop(self) -> None:
        for task in list(self._late):
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    def _plain(self, request: Request, fields: Mapping[str, Any]) -> None:
        for fault, name, message in (
            ("log_email_raw", "email", "Confirmation queued for"),
            ("log_phone_raw", "phone", "Call back"),
            ("log_name_raw", "name", "Customer found:"),
            ("log_password_raw", "password", "Portal login tried with"),
            ("log_iban_raw", "iban", "Mandate for"),
        ):
            if fault in self._faults:
                self._log.unsanitised("INFO", f"{message} {fields.get(name, '')}", {})
        if "log_bearer_header" in self._faults:
            self._log.unsanitised("INFO", "Webhook headers", {"headers": dict(request.headers)})
        if "log_email_upper" in self._faults:
            self._log.unsanitised("INFO", f"LOOKUP {fields.get('email', '')}".upper(), {})
        if "log_phone_regrouped" in self._faults:
            self._log.unsanitised("INFO", f"Dialling {_regrouped(str(fields.get('phone', '')))}", {})
        if "log_other_customer" in self._faults:
            self._log.unsanitised("INFO", "Reminder sent to sabine.krause@kunden-mail.de", {})

    def _encoded(self, request: Request, fields: Mapping[str, Any]) -> None:
        if "log_body_base64" in self._faults:
            self._log.unsanitised("INFO", "Webhook body", {"raw": base64.b64encode(request.body).decode()})
        if "log_body_hex" in self._faults:
            self._log.unsanitised("INFO", "Webhook body", {"raw": request.body.hex()})
        if "log_query_urlencoded" in self._faults:
            self._log.unsanitised("INFO", f"POST {request.path}?{request.query}", {})
        if "log_json_escapes" in self._faults:
            text = json.dumps(dict(fields)).replace("@", "\\u0040").replace("+", "\\u002B")
            self._log.unsanitised("INFO", f"Forwarded {text}", {})
        if "log_html_entities" in self._faults:
            self._log.unsanitised("INFO", "Mail rendered: <p>" + str(fields.get("email", "")).replace("@", "&#64;") + "</p>", {})

    def _beside_the_logger(self, fields: Mapping[str, Any]) -> None:
        if "log_debug_dump" in self._faults:
            pairs = "\n".join(f'  ["{name}"]=>\n  string({len(str(value))}) "{value}"' for name, value in fields.items())
            self._log.raw(f"array({len(fields)}) {{\n{pairs}\n}}")
        if "log_wrapped_lines" in self._faults:
            email = str(fields.get("email", ""))
            self._log.raw(textwrap.fill(f"[debug {CORRELATION.get()}] mail to {email}", max(len(email) // 2, 8)))
        if "log_late" in self._faults:
            task = asyncio.create_task(self._queued_job(str(fields.get("email", ""))))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    def _on_validation_error(self, fields: Mapping[str, Any]) -> None:
        if "log_validation_error_leaks" in self._faults:
            self._log.unsanitised("WARNING", "Validation failed", {"input": dict(fields)})

    def _on_server_error(self, fields: Mapping[str, Any]) -> None:
        if "log_server_error_leaks" in self._faults:
            values = ", ".join(str(fields.get(name, "")) for name in ("email", "phone"))
            self._log.unsanitised("ERROR", f"SQLSTATE[23000]: insert into customers (email, phone) values ({values})", {})
        if "log_stack_arguments" in self._faults:
            arguments = ", ".join(f"'{value}'" for value in fields.values())
            self._log.raw(f"#0 /var/www/api-gateway/app/Services/CustomerService.php(88): store({arguments})\n#1 {{main}}")

    async def _queued_job(self, email: str) -> None:
        await asyncio.sleep(0.25)  # the queue's worker wakes up a moment after the answer went out
        self._log.unsanitised("INFO", f"Job SendConfirmation for {email}", {})


def _regrouped(phone: str) -> str:
    digits = re.sub(r"\D", "", phone)
    return "(+" + digits[:3] + ") " + "/".join(digits[n : n + 3] for n in range(3, len(digits), 3))

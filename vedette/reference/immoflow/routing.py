"""This file is for Alertmanager's configuration, and PagerDuty's escalation: who is told, and who is told next."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

_ROUTING = """\
global: {resolve_timeout: 5m, slack_api_url: <secret>, pagerduty_url: https://events.pagerduty.com/v2/enqueue}
route:
  receiver: ops-warnings
  group_by: [alertname, team]
  routes:
    - matchers: ['severity="P0"']
      receiver: page
    - matchers: ['severity="P1"']
      receiver: page-alerts
    - matchers: ['severity="P2"']
      receiver: ops-warnings
      routes:
        - {matchers: ['team="billing"'], receiver: billing}
        - {matchers: ['team="security"'], receiver: security}
    - matchers: ['severity="P3"']
      receiver: tickets
receivers:
  - {name: page, pagerduty_configs: [{routing_key: <secret>}], slack_configs: [{channel: '#incidents'}]}
  - {name: page-alerts, pagerduty_configs: [{routing_key: <secret>}], slack_configs: [{channel: '#alerts'}]}
  - {name: billing, slack_configs: [{channel: '#billing-alerts'}]}
  - {name: security, slack_configs: [{channel: '#security-alerts'}]}
  - {name: ops-warnings, slack_configs: [{channel: '#ops-warnings'}]}
  - {name: tickets, webhook_configs: [{url: <secret>}]}
inhibit_rules:
  - {source_matchers: ['severity="P0"'], target_matchers: ['severity=~"P1|P2|P3"'], equal: [alertname]}
  - source_matchers: [alertname="ServiceDegraded"]
    target_matchers: [alertname=~"CriticalErrorRate|HighErrorRate|HighLatencyP99"]
"""
_EVERYTHING = (
    "route: {receiver: page}\nreceivers: [{name: page, pagerduty_configs: [{}], slack_configs: [{channel: '#incidents'}]}]\n"
)
_CHANGES = {
    "routing_p0_slack_only": ("{name: page, pagerduty_configs: [{routing_key: <secret>}], ", "{name: page, "),
    "routing_p1_other_channel": ("channel: '#alerts'", "channel: '#general'"),
    "routing_p2_pages": ("{name: billing, ", "{name: billing, pagerduty_configs: [{routing_key: <secret>}], "),
    "routing_p3_lost": ("    - matchers: ['severity=\"P3\"']\n      receiver: tickets\n", ""),
    "inhibition_without_equal": (", equal: [alertname]}", "}"),
    "inhibition_lost": ("HighErrorRate|HighLatencyP99", "HighErrorRates"),
}


def configuration(bugs: Collection[str]) -> str:
    """Return Alertmanager's configuration as it shows it, secrets masked."""
    text = _EVERYTHING if "routing_everything_pages" in bugs else _ROUTING
    for bug, (before, after) in _CHANGES.items():
        if bug in bugs:
            text = text.replace(before, after)
    return text


def escalation(name: str, bugs: Collection[str]) -> list[dict[str, Any]]:
    """Return PagerDuty's policies that go by a name: after how many minutes without an answer the next one is called."""
    steps = {"P0": (("Primary", 5), ("Secondary", 10), ("Manager", 30)), "P1": (("Primary", 15), ("Secondary", 15))}.get(name, ())
    if "escalation_slow" in bugs and name == "P0":
        steps = (("Primary", 30), ("Secondary", 30), ("Manager", 30))
    if "escalation_nobody_next" in bugs and name == "P1":
        steps = steps[:1]
    rules = [
        {"escalation_delay_in_minutes": minutes, "targets": [{"type": "schedule_reference", "summary": f"{name} {who}"}]}
        for who, minutes in steps
    ]
    return [{"id": f"PX{name}", "type": "escalation_policy", "name": name, "escalation_rules": rules}] if rules else []

"""This file is for curl: shell quoting, options, and what a browser copies."""

from __future__ import annotations

from typing import Any

import pytest

from scenarios.mistakes import SuiteError
from tests.scenarios.importing.making import imported, only, scenarios, targets

U = "https://a.example/x"

SAID: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": (f"curl {U}", {"path": "/x"}),
    "no scheme": ("curl a.example/x", {"path": "/x"}),
    "method": (f"curl -XDELETE {U}", {"method": "DELETE", "path": "/x"}),
    "head": (f"curl -I {U}", {"method": "HEAD", "path": "/x"}),
    "flags together": (f"curl -sSLI {U}", {"method": "HEAD", "path": "/x", "follow_redirects": 20}),
    "json": (
        f"curl {U} -H 'Content-Type: application/json' -d '{{\"a\":1}}'",
        {"method": "POST", "path": "/x", "json": {"a": 1}},
    ),
    "json option": (
        f"curl --json '[1]' {U}",
        {"method": "POST", "path": "/x", "headers": {"Accept": "application/json"}, "json": [1]},
    ),
    "form": (f"curl {U} -d a=1 -d 'b=2%203'", {"method": "POST", "path": "/x", "form": {"a": "1", "b": "2 3"}}),
    "urlencoded": (f"curl {U} --data-urlencode 'a=b&c'", {"method": "POST", "path": "/x", "form": {"a": "b&c"}}),
    "repeated": (f"curl {U} -d a=1 -d a=2", {"method": "POST", "path": "/x", "form": {"a": ["1", "2"]}}),
    "get with data": (f"curl -G {U} -d a=1 --data-urlencode b='ü'", {"path": "/x?a=1&b=%C3%BC"}),
    "raw": (
        f"curl {U} --data-raw 'plain' -H 'Content-Type: text/plain'",
        {"method": "POST", "path": "/x", "headers": {"Content-Type": "text/plain"}, "body": "plain"},
    ),
    "number of 20 digits stays text": (
        f"curl {U} -H 'Content-Type: application/json' -d '{{\"a\":12345678901234567890}}'",
        {
            "method": "POST",
            "path": "/x",
            "headers": {"Content-Type": "application/json"},
            "body": '{"a":12345678901234567890}',
        },
    ),
    "ansi quotes": (f"curl {U} -H $'X: it\\'s\\x21\\u00e9'", {"path": "/x", "headers": {"X": "it's!é"}}),
    "double quotes": (f'curl {U} -H "X: a\\"b\\$c"', {"path": "/x", "headers": {"X": 'a"b$c'}}),
    "joined quotes": (f"curl {U} -H 'X: a'\"b\"c", {"path": "/x", "headers": {"X": "abc"}}),
    "continued lines": (f"curl \\\n  -X PUT \\\n  {U}", {"method": "PUT", "path": "/x"}),
    "windows line ends": (f"curl \\\r\n  -X PUT \\\r\n  {U}", {"method": "PUT", "path": "/x"}),
    "cmd of chrome": (f'curl ^"{U}^" ^\n  -H ^"X: 1^"', {"path": "/x", "headers": {"X": "1"}}),
    "variable": (f'curl "{U}/$ID" -H "X: ${{TAG:-none}}"', {"path": "/x/{{vars.id}}", "headers": {"X": "{{vars.tag}}"}}),
    "braces are text": (f"curl '{U}?q={{{{x}}}}'", {"path": "/x?q={{vars.braces}}x}}"}),
    "time": (f"curl -m 2.5 {U}", {"path": "/x", "timeout": "2500ms"}),
    "prompt and pipe": (f"$ curl -s {U} | jq . > out.json", {"path": "/x"}),
    "value with equals": (f"curl --request=PATCH --url={U}", {"method": "PATCH", "path": "/x"}),
    "space in address": ("curl 'https://a.example/a b'", {"path": "/a%20b"}),
}


@pytest.mark.parametrize("name", SAID)
def test_a_command_becomes_the_same_request(name: str) -> None:
    command, request = SAID[name]
    made = imported("curl", command)
    found = only(made)["request"]
    assert found == request
    assert not made.lost, made.lines()


def test_several_commands_and_addresses_are_scenarios_with_names_of_their_own() -> None:
    made = imported("curl", f"curl {U} {U}\ncurl {U} --next -d a=1 {U}; time curl {U} && curl b.example")
    assert [s["name"] for s in scenarios(made)] == [
        "GET a.example/x",
        "GET a.example/x 2",
        "GET a.example/x 3",
        "POST a.example/x",
        "GET a.example/x 4",
        "GET b.example",
    ]


def test_what_decides_how_to_talk_is_said_at_the_target() -> None:
    made = imported("curl", f"curl -k -u me:pass-word-1 --cacert own.pem {U}")
    (target,) = targets(made).values()
    assert target["auth"] == {"username": "me", "password": "${CURL_PASSWORD}"}
    assert target["tls"] == {"verify": False, "ca_file": "own.pem"}


@pytest.mark.parametrize("command", [f"curl {U} -d @body.json", f"curl {U} -F f=@x.png", f"curl {U} --data-urlencode a@b"])
def test_a_command_that_sends_a_file_is_left_out(command: str) -> None:
    made = imported("curl", f"{command}\ncurl {U}")
    assert (made.left_out, made.lost) == (1, True)
    assert "sends no file of yours" in made.text


@pytest.mark.parametrize("option", ["--resolve a:1:2", "-x http://proxy:1", "--aws-sigv4 aws:amz", "--some-new-option"])
def test_an_option_that_cannot_be_said_stands_at_the_scenario(option: str) -> None:
    made = imported("curl", f"curl {option} {U}")
    assert f"# {option.split()[0].replace('-x', '--proxy')}" in made.text
    assert made.lost


def test_a_quote_without_an_end_is_told_with_its_place() -> None:
    with pytest.raises(SuiteError, match=r"the quote that starts here has no end[\s\S]*shop.x:2:9"):
        imported("curl", f"curl {U}\ncurl -H 'X: 1\n")

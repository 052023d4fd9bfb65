"""This file is for personal data that belongs to nobody: fresh for each run, right in form, and recognisable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from probes.numbering import luhn_is_valid
from probes.request import names_in

NAMESPACE = "planted."

# Blocks of numbers that no subscriber will ever have: prefix of the country, the rest of the block, digits that follow.
FICTION_PHONES: Mapping[str, tuple[tuple[str, str, int], ...]] = {
    # Bundesnetzagentur, Mitteilung 148/2021 (Amtsblatt 7/2021, "Drama Numbers"): Berlin, Frankfurt, Hamburg, Cologne, Munich.
    "DE": (("49", "3023125", 3), ("49", "6990009", 3), ("49", "4066969", 3), ("49", "2214710", 3), ("49", "8999998", 3)),
    # Ofcom, numbers for TV and radio drama: 07700 900000-900999 (mobile), 020 7946 0000-0999 (London).
    "GB": (("44", "7700900", 3), ("44", "2079460", 3)),
    # ATIS-0300115: 555-0100 to 555-0199 are for fiction in every area code.
    "US": tuple(("1", area + "55501", 2) for area in ("212", "312", "415", "617", "206", "303", "404", "512", "702", "813")),
    # ARCEP, décision 2018-0881: 01 99 00 xx xx and 06 39 98 xx xx are for audiovisual works.
    "FR": (("33", "19900", 4), ("33", "63998", 4)),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """One synthetic value. `parts` are pieces of it that betray it as well, such as the local part of an address."""

    kind: str
    value: str
    parts: tuple[str, ...] = ()

    @property
    def sought(self) -> tuple[str, ...]:
        return (self.value, *self.parts)


def planted_in(value: Any) -> Iterator[str]:
    """Yield what stands after `planted.` in all `{{planted.…}}` places of a request, at any depth."""
    if isinstance(value, str):
        yield from (name.removeprefix(NAMESPACE) for name in names_in(value) if name.startswith(NAMESPACE))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from planted_in(key)
            yield from planted_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from planted_in(item)


def plant(kind: str, nonce: str, *, phone_country: str = "DE") -> Planted:
    """Return the value of one kind for one run. The same nonce gives the same value. Raises: KeyError for an unknown kind."""
    return _MAKERS[kind](_Random(f"{nonce}:{kind}"), phone_country)


class _Random:
    """Random-looking signs from a seed. What was planted holds no piece of the nonce, which may be logged."""

    def __init__(self, seed: str) -> None:
        self._number = int.from_bytes(hashlib.sha512(seed.encode()).digest())

    def below(self, limit: int) -> int:
        self._number, found = divmod(self._number, limit)
        return found

    def signs(self, alphabet: str, length: int) -> str:
        return "".join(alphabet[self.below(len(alphabet))] for _ in range(length))


_DIGITS = "0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_BASE36 = _DIGITS + _LETTERS


def _email(random: _Random, _: str) -> Planted:
    local = f"vera.canary.{random.signs(_BASE36, 10)}"
    return Planted("email", f"{local}@example.com", (local,))  # RFC 2606 section 3: example.com is nobody's


def _phone(random: _Random, country: str) -> Planted:
    blocks = FICTION_PHONES[country]
    prefix, block, length = blocks[random.below(len(blocks))]
    national = block + random.signs(_DIGITS, length)
    return Planted("phone", f"+{prefix}{national}", (national,))


def _name(random: _Random, _: str) -> Planted:
    surname = random.signs(_LETTERS, 12).capitalize()
    return Planted("name", f"Vera {surname}", (surname,))


def _token(random: _Random, _: str) -> Planted:
    return Planted("token", f"vedette_canary_{random.signs(_BASE36, 24)}")


def _password(random: _Random, _: str) -> Planted:
    return Planted("password", f"Pw-{random.signs(_BASE36, 14)}!7")


def _iban(random: _Random, _: str) -> Planted:
    # German bank codes begin with the digits 1 to 8 of a clearing area: 9… is no bank's.
    account = "90009000" + random.signs(_DIGITS, 10)
    check = 98 - int(f"{account}131400") % 97  # ISO 7064: D = 13, E = 14
    return Planted("iban", f"DE{check:02}{account}", (account,))


def _card(random: _Random, _: str) -> Planted:
    # 424242 is the prefix of the payment providers' test cards.
    body = "424242" + random.signs(_DIGITS, 9)
    return Planted("card", next(body + digit for digit in _DIGITS if luhn_is_valid(body + digit)))


def _ip(random: _Random, _: str) -> Planted:
    # RFC 5737: networks for documentation. Three digits at the end, so that no other address begins with it.
    network = ("192.0.2.", "198.51.100.", "203.0.113.")[random.below(3)]
    return Planted("ip", f"{network}{100 + random.below(155)}")


_MAKERS: Mapping[str, Callable[[_Random, str], Planted]] = {
    "email": _email,
    "phone": _phone,
    "name": _name,
    "token": _token,
    "password": _password,
    "iban": _iban,
    "card": _card,
    "ip": _ip,
}
PLANTABLE = tuple(_MAKERS)

"""This file is for which numbers can exist at all: of bank accounts, payment cards and telephones."""

from __future__ import annotations

import re

# How an account number (BBAN) is made, by country: so many digits (n), capital letters (a), either (c).
# Source: ISO 13616, the IBAN registry of SWIFT.
_BBANS = dict(
    re.findall(
        r"([A-Z]{2}):(\w+)",
        "AD:8n12c AE:19n AL:8n16c AT:16n AZ:4a20c BA:16n BE:12n BG:4a6n8c BH:4a14c BI:23n BR:23n1a1c BY:4c4n16c CH:5n12c "
        "CR:18n CY:8n16c CZ:20n DE:18n DJ:23n DK:14n DO:4c20n EE:16n EG:25n ES:20n FI:14n FK:2a12n FO:14n FR:10n11c2n "
        "GB:4a14n GE:2a16n GI:4a15c GL:14n GR:7n16c GT:4c20c HN:4a20n HR:17n HU:24n IE:4a14n IL:19n IQ:4a15n IS:22n "
        "IT:1a10n12c JO:4a4n18c KW:4a22c KZ:3n13c LB:4n20c LC:4a24c LI:5n12c LT:16n LU:3n13c LV:4a13c LY:21n MC:10n11c2n "
        "MD:2c18c ME:18n MK:3n10c2n MN:16n MR:23n MT:4a5n18c MU:4a19n3a NI:4a20n NL:4a10n NO:11n OM:3n16c PK:4a16c PL:24n "
        "PS:4a21c PT:21n QA:4a21c RO:4a16c RS:18n RU:14n15c SA:2n18c SC:4a20n3a SD:14n SE:20n SI:15n SK:20n SM:1a10n12c "
        "SO:19n ST:21n SV:4a20n TL:19n TN:20n TR:6n16c UA:6n19c VA:18n VG:4a16n XK:16n YE:4a4n18c",
    )
)
_SIGNS = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}
_IBANS = {
    country: re.compile(country + r"\d\d" + "".join(f"{_SIGNS[sort]}{{{n}}}" for n, sort in re.findall(r"(\d+)([nac])", bban)))
    for country, bban in _BBANS.items()
}
IBAN_LENGTHS = {country: 4 + sum(map(int, re.findall(r"\d+", bban))) for country, bban in _BBANS.items()}

# Digits after the country code, fewest and most. Source: ITU-T E.164 list of country codes, national plans as collected by
# libphonenumber. A code that is not here is not given to anybody.
_PHONES = {
    code: (int(fewest), int(most))
    for fewest, most, codes in re.findall(
        r"(\d+)-(\d+):([\d,]+)",
        "4-5:290 4-7:683,690 4-10:98 4-11:352 4-13:43 4-15:49 5-5:500,682 5-6:247 5-7:676,677,678,688 5-8:386,686 "
        "5-10:27,64,263,685 5-11:31,852 5-12:47,61,358,971 5-14:82 6-6:298,299,672,687 6-7:597 "
        "6-9:40,252,355,376,385,421,508,681,689 6-10:48,53,95,880 6-11:375,595 6-12:39,46,359,381 6-13:63,598 "
        "7-7:220,238,239,246,248,269,291,297,592,673,674,680,691,692 7-8:241,599,670,675,853,961,965,975 "
        "7-9:231,245,265,354,423,967,968 7-10:44,84,230,243,254,267,353,372,960 7-11:501,503,507,679,886,974 7-12:86,882,972 "
        "7-13:90 7-17:62 "
        "8-8:45,216,222,223,226,227,228,229,232,235,236,253,257,266,350,356,357,370,371,373,374,389,505,509,800,808,973,993 "
        "8-9:32,36,51,213,224,233,237,250,258,264,268,377,382,387,591,962,963 8-10:20,60,378,506,850,855,856,964,970,976 "
        "8-11:55,65,502,504,593,977 8-12:92,383,883 8-13:66,91 8-14:234 8-17:81 "
        "9-9:33,34,93,94,211,212,218,221,240,242,244,249,251,255,256,260,261,262,351,590,594,596,979,992,994,995,998 "
        "9-10:380,881,966,996 9-11:56 9-12:41,420,870 10-10:52,58,225 10-11:54,57 10-12:30 10-14:7 11-11:888 12-12:878",
    )
    for code in codes.split(",")
}
_NORTH_AMERICA = re.compile(r"1[2-9]\d{9}")  # the area code begins with 2 to 9. Source: North American Numbering Plan
_WITHOUT_TRUNK_ZERO = ("39", "242", "225", "378")  # here a number may begin with 0; elsewhere a 0 is one too many


def iban_is_valid(text: str) -> bool:
    """Return whether letters and digits form an IBAN: the country's form, and check digits. Source: ISO 7064, mod 97-10."""
    form = _IBANS.get(text[:2])
    return bool(form and form.fullmatch(text)) and int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def luhn_is_valid(digits: str) -> bool:
    """Return whether the last digit is the check digit of the others. Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, sign in enumerate(reversed(digits)):
        number = int(sign) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def card_is_valid(digits: str) -> bool:
    """Return whether digits can be a payment card: an issuer's prefix with its length, and the Luhn digit."""
    head = int(digits[:4])
    if len(digits) == 16:
        known = (
            digits[0] == "4"
            or 5100 <= head <= 5599
            or 2221 <= head <= 2720
            or 3528 <= head <= 3589
            or head == 6011
            or 6440 <= head <= 6599
        )
    elif len(digits) == 15:
        known = digits[:2] in ("34", "37")
    else:
        known = len(digits) == 14 and (3000 <= head <= 3059 or digits[:2] in ("36", "38"))
    return known and luhn_is_valid(digits)


def country_code(digits: str) -> str:
    """Return the country code with which an international number begins, empty if nobody has such a code."""
    if digits[:1] in ("1", "7"):
        return digits[0]
    return next((digits[:length] for length in (2, 3) if digits[:length] in _PHONES), "")


def phone_is_valid(digits: str) -> bool:
    """Return whether digits, from the country code on, can be a telephone number of 8 digits or more. Source: ITU-T E.164."""
    code = country_code(digits)
    if code == "1":
        return bool(_NORTH_AMERICA.fullmatch(digits))
    if not code or not 8 <= len(digits) <= 17:
        return False
    fewest, most = _PHONES[code]
    rest = len(digits) - len(code)
    one_too_many = digits[len(code) : len(code) + 1] == "0" and code not in _WITHOUT_TRUNK_ZERO
    return fewest <= rest <= most or (one_too_many and fewest <= rest - 1 <= most)

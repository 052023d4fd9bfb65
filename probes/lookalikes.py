"""This file is for telling what is personal or secret from what only has its form: each function judges one match of a detector.

They return where the finding stands, or None. What is turned down here is left in reports too, so it must be no real value.
`docs/benchmarks.md` lists the classes of false alarms for which each rule was made.
"""

from __future__ import annotations

import base64
import binascii
import re

from probes.numbering import IBAN_LENGTHS, card_is_valid, country_code, iban_is_valid, phone_is_valid

_REACH = 40  # signs before a match that may say what it is
_MASKED = re.compile(
    r"(?i)[\[<(]|\*{2}|\{\{|\$\{|#\{|%[({]|\{(?:\w*(?:pass|secret|token|key|pwd)\w*|\d?)\}|:\w+$|_*(?:redacted|filtered|masked|hidden|removed|null|none|nil|true|false|undefined|x{3,})(?![a-z0-9])"
)

Place = tuple[int, int] | None


def _before(match: re.Match[str], length: int = _REACH) -> str:
    return match.string[max(0, match.start() - length) : match.start()]


# E-mail addresses

# A file such as logo@2x.png or a unit such as user@1000.service has the shape of an address. No top-level domain is called so.
_NO_DOMAIN_ENDS_SO = re.compile(
    r"(?i)png|jpe?g|gif|svg|webp|avif|heic|ico|bmp|tiff?|css|scss|less|m?js|jsx|tsx?|vue|map|html?|php|rb|go|java|kt|cpp|json|xml|ya?ml|toml|txt|log|csv|sql|pdf|"
    r"t?gz|jar|whl|deb|rpm|exe|dll|lock|conf|cfg|ini|env|tmp|bak|service|socket|timer|mount|automount|device|slice|scope|swap"
)
_VERSION = re.compile(r"v?\d+\.\d")  # of a package: react@18.3.0-rc.next
_ENCODED_SEPARATOR = re.compile(
    r"%(?:25)*(?:0[ADad]|2[026-9CFcf]|3[A-Fa-f]|[57][BDbd])"
)  # white space, quotes, brackets, , / : ; = ? &
_LONGEST_LOCAL = 64  # RFC 5321 section 4.5.3.1.1
_ENCODED_AT = re.compile(r"%(?:25)*40")
_MESSAGE_ID = re.compile(r"(?i)(?:(?:message|msg)[-_ ]?id|in-reply-to|references)\\{0,3}[\"']?\s?[:=]\s?\\{0,3}[\"']?<?$")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,20})://$")
_MAIL_SCHEMES = frozenset({"http", "https", "smtp", "smtps", "imap", "imaps", "pop3", "pop3s", "mailto", "xmpp", "sip", "sips"})
_PUBLIC_KEY = re.compile(r"[0-9a-f]{32}")  # of a Sentry DSN, which every browser is given
_ALGORITHM = re.compile(
    r"(?i)[a-z0-9-]*(?:-|\d)[a-z0-9-]*@(?:openssh\.com|libssh\.org|lysator\.liu\.se|ssh\.com)|(?i:zlib|ping|eow)@openssh\.com"
)
_NODE = re.compile(r"(?i)(?:rabbit|celery|ejabberd|emqx|couchdb|riak)@")  # Erlang's nodes and Celery's workers are named so
_MACHINE = re.compile(
    r"(?i)(?:root|git|deploy|deployer|postgres|mysql|www-data|nginx|ubuntu|debian|ec2-user|core|vagrant|ansible|jenkins|hadoop|hdfs|yarn|spark|airflow|nobody|"
    r"daemon|gitlab-runner|backup|svc-[\w-]+)@"
)
_INNER = re.compile(
    r"(?i)\.(?:internal|local|localdomain|lan|consul|intranet|svc|cluster|compute|home)$|@[a-z][a-z-]*\d{1,4}\.[a-z0-9-]+\."
)
_OBJECT = re.compile(r"(?:[a-z]\w*\.)+[A-Z][\w$]*@[0-9a-f]{4,8}\.")  # what Java calls an object without a name
_SERVICE_PRINCIPAL = re.compile(r"(?:HTTP|host|ldap|cifs|nfs|MSSQLSvc|kafka|hdfs|zookeeper|postgres|imap|smtp|krbtgt)/$")


def email(match: re.Match[str]) -> Place:
    local, domain = match["local"], match["domain"]
    if _NO_DOMAIN_ENDS_SO.fullmatch(match["top"]) or _VERSION.match(domain):
        return None
    own = _ENCODED_SEPARATOR.split(local)[-1][-_LONGEST_LOCAL:]
    if not own:
        return None  # the sign begins a name, as in medium.com%2F%40name.blog
    return None if _names_a_machine(match, own, domain) else (match.end("local") - len(own), match.end())


def _names_a_machine(match: re.Match[str], local: str, domain: str) -> bool:
    """Return whether what has the form of an address is a message, an account of a machine, an object or an algorithm."""
    text, before, after = f"{local}@{domain}", _before(match), match.string[match.end() : match.end() + 6]
    scheme = _SCHEME.search(before)
    no_mail = scheme and (scheme[1].lower() not in _MAIL_SCHEMES or _PUBLIC_KEY.fullmatch(local))
    if no_mail and not _ENCODED_AT.search(local):
        return True  # who logs in at a host, as in amqp://shop@mq.example.net
    if _MESSAGE_ID.search(before) or _ALGORITHM.fullmatch(text) or _NODE.match(text) or _OBJECT.match(text):
        return True
    if re.match(r"(?:git|hg|svn)@", text) or (_MACHINE.match(text) and (_INNER.search(text) or after.startswith(":/"))):
        return True
    if re.match(r"\d{1,4}@", text) and re.match(r":\d{2,5}", after):
        return True  # a voter of Kafka: 1@kafka-1.example.net:9093
    if before.endswith("(") and "Linux version " in before:
        return True  # where a kernel was built
    return bool(_SERVICE_PRINCIPAL.search(before)) and text.rpartition("@")[2].isupper()


# Telephone numbers

_CANDIDATE_END = re.compile(r"(?: |-|/|%20)\(?\d+\)?$")
_TIME_BEFORE = re.compile(r"\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\s?$")
_MEASURED = re.compile(
    r"(?i)\b(?:delta|diff|drift|offset|skew|growth|gain|balance|size|heap|memory)\s?[=:]?\s?$|\bm=$"
)  # m= is Go's clock
_UNIT_AFTER = re.compile(r"\s?(?:[KMGT]i?B|[kmnuµ]?s|bytes?|sec(?:onds?)?|rows|lines|records|%)(?!\w)")
_PHONE_WORDS = re.compile(r"(?i)phone|\btel\b|telefon|\bfax\b|mobil|handy|contact|registrant|\bsms\b|whatsapp|\bcall")


def phone(match: re.Match[str]) -> Place:
    """Return the longest beginning, by groups, that can be a number of the numbering plan."""
    text = match.group()
    while text:
        if _phone_can_be(match, text):
            return match.start(), match.start() + len(text)
        shorter = _CANDIDATE_END.search(text)
        text = text[: shorter.start()] if shorter else ""
    return None


def _phone_can_be(match: re.Match[str], text: str) -> bool:
    plain = re.sub(r"^(?:\+|%2[Bb])", "", text).replace("%20", " ")
    digits = re.sub(r"\D", "", plain.replace("(0)", ""))
    code = country_code(digits)
    if not phone_is_valid(digits) or not plain.startswith(code) or re.search(r"\d{4}-\d\d-\d\d", text):
        return False
    before, after = _before(match), match.string[match.start() + len(text) :][:12]
    if _TIME_BEFORE.search(before) or re.match(r"[.,+]\d", after):
        return False  # an offset from UTC, an amount of money, a latitude
    if plain.isdigit() and (_UNIT_AFTER.match(after) or _MEASURED.search(before)):
        return False
    if re.fullmatch(r"\d+\.\d+", plain):  # a decimal number, unless it is written as in RFC 5733 section 2.5 and named
        return plain[len(code)] == "." and bool(_PHONE_WORDS.search(before))
    return True


def labelled_phone(match: re.Match[str]) -> Place:
    """Turn down hotel=…, a row of zeros, a decimal number and a date."""
    value, before = match["value"], _before(match, 1)
    digits = re.sub(r"\D", "", value)
    within_a_word = before.isalpha() and not (before.islower() and match.group()[0] == "T")  # customerTel begins one
    if within_a_word and re.match(r"(?i)tel(?!efon)", match.group()):
        return None
    if not 8 <= len(digits) <= 15 or not digits.strip("0") or re.fullmatch(r"0\.\d+|\d\d([./-])\d\d\1\d{4}", value):
        return None
    return match.span("value")


# Accounts and cards

_NUMBER_WORD = re.compile(r"(?i)(?:invoice|serial|order|item|article|batch|ticket|parcel|po|ref(?:erence)?)[\s.:=#_-]{1,3}$")
_TIME_STAMP = re.compile(r"[A-Z]{2}20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d")
_CARD_WORDS = re.compile(
    r"(?:(?<![A-Za-z])[Cc]ard|(?<=[a-z])Card|(?<![A-Za-z])CARD)(?!(?i:inal|igan|io|board))"
    r"|(?i:(?:credit|debit|bank)_?card|karten(?:nummer|nr)|karte\b|\bpan\b|visa\b|amex|(?:credit|debit|kredit|\bcc)[\s:=#\"'.-]{0,4}$)"
)
_OTHER_KEY = re.compile(
    r"(?i)(?:order|invoice|ticket|customer|user|session|request|trace|span|correlation|tracking|voucher|serial|article|item|note|job|event)"
    r"[_-]?(?:id|no|nr|number|ref|code)?\\{0,3}[\"']?\s?[:=]\s?\\{0,3}[\"']?$"
)
_OTHER_GROUPS = re.compile(
    r"(?i)(?:sizes?|buckets?|histogram|lengths?|ports|counts?|pages|blocks|values|voucher|coupon|gutschein|ticket|serial|licen[cs]e|"
    r"tracking)\W{1,3}(?:\d{4}[ -])?$"
)
_DUMP = re.compile(r"(?:\b[0-9a-f]{4}[ -]){2}$|\b(?:0x)?[0-9a-f]{4,8}:\s{1,2}(?:[0-9a-f]{4} )?$")


def iban(match: re.Match[str]) -> Place:
    """Walk exactly as many letters and digits as the country has, over single spaces or hyphens."""
    wanted = IBAN_LENGTHS.get(match.group()[:2], 0)
    text, at, signs = match.string, match.start(), ""
    while len(signs) < wanted and at < len(text):
        if text[at].isalnum():
            signs += text[at]
        elif text[at] not in " -" or text[at - 1] in " -":
            return None
        at += 1
    ends = at >= len(text) or not text[at].isalnum()
    if not wanted or not ends or not iban_is_valid(signs) or _TIME_STAMP.match(signs):
        return None
    numbered = signs.startswith("NO") and _NUMBER_WORD.search(_before(match))  # INVOICE NO2026112100017
    return None if numbered else (match.start(), at)


def card(match: re.Match[str]) -> Place:
    """One random number of 16 digits in fifty passes for a card, so a number without groups needs a word beside it."""
    number = match.group() + match["rest"]
    digits = re.sub(r"\D", "", number)
    if not card_is_valid(digits):
        return None
    before, place = _before(match), (match.start(), match.start() + len(number))
    named = _CARD_WORDS.search(before)
    if len(digits) != len(number):
        return None if (_DUMP.search(before) or _OTHER_GROUPS.search(before)) and not named else place
    return place if named and not _OTHER_KEY.search(before) else None


# Secrets

_PARTS = re.compile(r"[A-Za-z]+\d{0,3}|\d+")
_HEADER = re.compile(r"(?i)authori[sz]ation\\{0,3}[\"']?\s?(?:=>|[:=,])?\s?\[?\\{0,3}[\"']?$")
_SECRET_PARAMETER = re.compile(r"(?i)\w*(?:token|key|secret)=[\w.-]*\d")
_STATE = re.compile(
    r"(?i)(?:in)?valid|expired?|missing|required|optional|present|absent|(?:un)?set|empty|changed?|unchanged|reset|sent|ok|yes|no|on|off|enabled|disabled|"
    r"unknown|revoked|rotated|created|updated|deleted|wrong|incorrect|mismatch|string|integer|object|array|ident|string!?"
)
_NAME_OF_A_SECRET = re.compile(
    r"arn:aws:|(?:required|nullable|sometimes|string|confirmed)\||/(?:etc|srv|var|usr|home|opt|run|app|root|tmp|auto|mnt|data|private)/"
)
_TYPE_NAME = re.compile(r"(?:[A-Za-z_]{2,}\.){2,}[A-Za-z_/]{2,}(?:[\d:]*|@[0-9a-f]{4,8})|[A-Z]\w*\{.*")
_PLACE_TOKEN = re.compile(r"(?i)(?:page|next|continuation|cancellation|sync|resume|fencing|cursor|window)[_-]?$")
_PORT = re.compile(r"\d{1,5}(?:[/?#]|,[\w.-]+(?::\d{1,5})?(?:[,/?]|$))")
_PLACEHOLDER = re.compile(r"(?i)(?:user(?:name)?|login):pass(?:word|wd)?")


def bearer(match: re.Match[str]) -> Place:
    """Tell credentials from prose (`basic authentication`): Basic decodes to `user:password`, a token is no row of words."""
    value = match["value"]
    if match["scheme"].lower() == "basic":
        return match.span("value") if _is_user_and_password(value, bool(_HEADER.search(_before(match)))) else None
    if _SECRET_PARAMETER.match(value):
        return match.span("value")
    if re.match(r"\w[\w-]*=[^=]", value) or re.match(r"\d{4}-\d\d-\d\dT", value):
        return None  # a pair, as padding stands only at the end (RFC 6750 section 2.1); a time
    prose = all(_PARTS.fullmatch(part) for part in re.split(r"[./_~+-]+", value.rstrip("=.")) if part)
    if not prose:
        return match.span("value")
    credible = (value.isalnum() and not value.isdigit()) or _HEADER.search(_before(match))
    return match.span("value") if credible and _is_no_word(value) else None


def _is_no_word(value: str) -> bool:
    return len(value) >= 20 or any(sign.isdigit() for sign in value)


def _is_user_and_password(value: str, in_a_header: bool) -> bool:
    plain = value.rstrip("=.")
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        text = raw.decode("latin-1" if in_a_header else "utf-8")
    except (binascii.Error, ValueError):
        return False
    return ":" in text and (in_a_header or text.isprintable())


def pair(match: re.Match[str]) -> Place:
    """A word after `token: ` is prose; after `=` or between quotes it is a value."""
    value, key = match["value"], match["key"]
    if _MASKED.match(value) or _STATE.fullmatch(value) or _NAME_OF_A_SECRET.match(value) or "@sha256:" in value:
        return None
    quoted_or_equal = "=" in match["sign"] or '"' in match["sign"] or "'" in match["sign"]
    if not quoted_or_equal and (len(value) < 6 or not any(sign.isdigit() for sign in value)):
        return None
    if key == "PWD" and value.startswith("/"):
        return None  # where a shell stands
    if key.lower() == "secret" and re.fullmatch(r"[a-z-]+(?:/[a-z-]+)+", value):
        return None  # what a secret is called
    if key.lower() == "token" and _is_no_credential(match, value):
        return None
    return match.span("value")


def _is_no_credential(match: re.Match[str], value: str) -> bool:
    """A count of tokens, a type, a place in a list: none of them opens anything."""
    return (value.isdigit() and len(value) < 6) or bool(_TYPE_NAME.fullmatch(value) or _PLACE_TOKEN.search(_before(match)))


def credentials(match: re.Match[str]) -> Place:
    """Tell `user:password@` from a port and what follows it, from an image's digest, and from a form to fill in."""
    after = match.string[match.end("who") :][:12]
    if _MASKED.match(match["value"]) or _PORT.match(match["value"]) or after.startswith(("@sha256:", "@sha512:")):
        return None
    return None if _PLACEHOLDER.fullmatch(match["who"]) and re.match(r"@host(?:name)?\b", after) else match.span("who")

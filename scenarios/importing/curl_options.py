"""This file is for the options of curl by name: which take a value, which only change what curl prints. Source: curl(1), 8.15."""

from __future__ import annotations

SHORT = {
    "X": "request", "H": "header", "d": "data", "F": "form", "u": "user", "k": "insecure", "L": "location", "b": "cookie",
    "G": "get", "I": "head", "A": "user-agent", "e": "referer", "m": "max-time", "x": "proxy", "E": "cert",
    "T": "upload-file", "o": "output", "w": "write-out", "c": "cookie-jar", "D": "dump-header", "K": "config",
    "U": "proxy-user", "r": "range", "C": "continue-at", "z": "time-cond", "y": "speed-time", "Y": "speed-limit",
    "Q": "quote", "P": "ftp-port", "f": "fail", "s": "silent", "S": "show-error", "v": "verbose", "i": "include",
    "O": "remote-name", "J": "remote-header-name", "g": "globoff", "N": "no-buffer", "n": "netrc", "q": "disable",
    "R": "remote-time", "a": "append", "t": "telnet-option", "j": "junk-session-cookies", "l": "list-only",
    "p": "proxytunnel", "Z": "parallel", "#": "progress-bar", "0": "http1.0", "1": "tlsv1", "2": "sslv2", "3": "sslv3",
    "4": "ipv4", "6": "ipv6", "B": "use-ascii", "h": "help", "V": "version", "M": "manual", ":": "next",
}  # fmt: skip

_TAKE_A_VALUE = """
abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout connect-to continue-at
cookie cookie-jar create-file-mode crlfile curves data data-ascii data-binary data-raw data-urlencode delegation
dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine etag-compare etag-save
expect100-timeout form form-string ftp-port happy-eyeballs-timeout-ms haproxy-clientip header hostpubmd5 hostpubsha256 hsts
interface ip-tos json keepalive-cnt keepalive-time key key-type krb limit-rate local-port login-options mail-auth mail-from
mail-rcpt max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir parallel-max pass pinnedpubkey
preproxy proto proto-default proto-redir proxy proxy-cacert proxy-cert proxy-header proxy-key proxy-pass proxy-user pubkey
quote random-file range rate referer request request-target resolve retry retry-delay retry-max-time sasl-authzid
service-name socks4 socks4a socks5 socks5-hostname speed-limit speed-time stderr telnet-option time-cond tls-max
tls13-ciphers tlsauthtype tlspassword tlsuser trace trace-ascii trace-config unix-socket upload-file url url-query user
user-agent variable vlan-priority write-out
"""

# Of what curl prints, keeps or does on the machine where it runs: they change nothing of what is asked
_CHANGE_NOTHING = """
basic compressed cookie-jar create-dirs disable dump-header etag-save fail fail-early fail-with-body globoff http1.1 include
ipv4 keepalive-time no-alpn no-buffer no-keepalive no-npn no-progress-meter no-sessionid no-styled-output output
output-dir parallel parallel-immediate parallel-max path-as-is progress-bar progress-meter remote-header-name remote-name
remote-name-all remote-time retry-all-errors retry-connrefused retry-delay retry-max-time show-error silent stderr
styled-output tcp-nodelay trace trace-ascii trace-ids trace-time verbose write-out
"""

TAKES = frozenset(_TAKE_A_VALUE.split())
WITHOUT_MEANING = frozenset(_CHANGE_NOTHING.split())

FLAGS = {
    "location": "redirects",
    "location-trusted": "redirects",
    "get": "get",
    "head": "head",
}

LONG = {"data-ascii": "data", "proxy1.0": "proxy", "http2-prior-knowledge": "http2", "http3-only": "http3"}

"""This file is for harmless lines of what stands before an application: web servers, proxies, content networks."""

# ruff: noqa: E501 (a log line is one line here)

from __future__ import annotations

from harmless_values import Dice

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.{}.{} Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{} Mobile/15E{}",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html) {}.{}",
    "okhttp/4.{}.{}",
    "kube-probe/1.{}+{}",
    "python-httpx/0.{}.{}",
    "Go-http-client/1.1 build/{}.{}",
    "Prometheus/2.{}.{}",
)
_STATUSES = (200, 200, 200, 200, 200, 201, 204, 301, 304, 400, 401, 403, 404, 429, 500, 502, 503)
_METHODS = ("GET", "GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def agent(dice: Dice) -> str:
    return dice.pick(_AGENTS).format(dice.below(9000), dice.below(200))


def path(dice: Dice) -> str:
    """A request target: what it holds of ids, encoded values and cursors is what makes scanners stumble."""
    return dice.pick(_PATHS)(dice)


_PATHS = (
    lambda d: "/",
    lambda d: f"/api/v{d.below(4) + 1}/orders/{d.below(10**7)}",
    lambda d: f"/api/v1/orders/{d.uuid()}/items?page={d.below(40)}&per_page=50",
    lambda d: f"/api/orders?from={d.date}T00%3A00%3A00%2B{d.pick(('01', '10', '12'))}%3A00&status%5B%5D=open&status%5B%5D=paid",
    lambda d: f"/api/search?q={d.word()}+{d.word()}&sort=-created_at&price=10..{d.below(900)}",
    lambda d: f"/api/search?q=%22{d.word()}%22+{d.digits(8)}&lang=de",
    lambda d: f"/api/feed?cursor={d.base64(24).replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}",
    lambda d: f"/api/feed?after=eyJpZCI6{d.base64url(18)}&limit=100",
    lambda d: f"/assets/app.{d.hex(8)}.js",
    lambda d: f"/assets/img/logo@{d.pick(('2x', '3x', '1.5x'))}.{d.pick(('png', 'webp', 'avif', 'ico'))}?v={d.hex(7)}",
    lambda d: f"/assets/fonts/inter@{d.version()}.woff2",
    lambda d: f"/npm/@{d.word()}/core@{d.version()}/dist/index.min.js",
    lambda d: f"/npm/{d.word()}@{d.version()}-rc.next/umd/main.js",
    lambda d: f"/npm/%40{d.word()}%2Fcore/-/core-{d.version()}.tgz",
    lambda d: f"/media/{d.hex(2)}/{d.hex(2)}/{d.hex(40)}.jpg?w=640&h=480&fit=crop&dpr=2",
    lambda d: f"/maps/@{48 + d.unit() * 6:.7f},{8 + d.unit() * 6:.7f},15z",
    lambda d: f"/share?url=https%3A%2F%2Fmedium.com%2F%40{d.word()}.blog%2F{d.word()}-{d.hex(12)}&utm_source=feed",
    lambda d: f"/login?redirect_uri=https%3A%2F%2Fapp.example.net%2Fcb&state={d.base64url(16)}&nonce={d.digits(16)}",
    lambda d: f"/password/reset?step={d.below(3)}",
    lambda d: f"/checkout/{d.ulid()}/confirm?payment_intent=pi_{d.base62(24)}&redirect_status=succeeded",
    lambda d: (
        f"/graphql?operationName=Orders&variables=%7B%22first%22%3A{d.below(90)}%7D&extensions=%7B%22sha256Hash%22%3A%22{d.hex(64)}%22%7D"
    ),
    lambda d: f"/healthz?ts={d.epoch_ms()}",
    lambda d: f"/track/{d.digits(12)}?carrier=dhl&sig={d.hex(64)}&expires={d.epoch()}",
    lambda d: f"/wp-content/plugins/{d.word()}/readme.txt?ver={d.version()}",
    lambda d: f"/cdn-cgi/image/fit=scale-down,width=320/uploads/{d.date.replace('-', '/')}/{d.digits(16)}_{d.digits(15)}_n.jpg",
    lambda d: f"/.well-known/acme-challenge/{d.base64url(32)}",
    lambda d: f"/export?fields=id%2Ccreated_at%2Ctotal&format=csv&tz=%2B{d.pick(('0200', '1000', '1030'))}",
    lambda d: f"/s3/backup/{d.date}/dump-{d.compact}.sql.gz?X-Amz-Date={d.compact[:8]}T{d.compact[8:]}Z&X-Amz-Expires=900",
)


def nginx(d: Dice) -> str:
    return (
        f'{d.ip()} - - [{d.clf} {d.pick(("+0000", "+0200", "+1000"))}] "{d.pick(_METHODS)} {path(d)} HTTP/{d.pick(("1.1", "2.0"))}" '
        f'{d.pick(_STATUSES)} {d.below(90000)} "{d.pick(("-", f"https://www.example.com{path(d)}"))}" "{agent(d)}" '
        f"rt={d.unit():.3f} uct={d.unit():.3f} id={d.hex(32)}"
    )


def apache(d: Dice) -> str:
    return (
        f'www.example.com:443 {d.pick((d.ip, d.ip6))()} - {d.pick(("-", "-", "monitor", "svc-backup"))} [{d.clf} +0200] "{d.pick(_METHODS)} {path(d)} '
        f'HTTP/1.1" {d.pick(_STATUSES)} {d.below(90000)} "-" "{agent(d)}"'
    )


def web_errors(d: Dice) -> str:
    return d.pick(
        (
            f"[{d.day} {d.month} 21 {d.clock}.{d.us:06} 2026] [proxy:error] [pid {d.below(30000)}:tid {d.bits(46)}] (111)Connection refused: "
            f"AH00957: HTTP: attempt to connect to {d.inner_ip()}:8080 (*) failed",
            f"{d.date.replace('-', '/')} {d.clock} [error] {d.below(900)}#{d.below(900)}: *{d.digits(8)} upstream timed out (110: Connection timed "
            f'out) while reading response header from upstream, client: {d.ip()}, server: _, request: "GET {path(d)} HTTP/1.1", '
            f'upstream: "http://{d.inner_ip()}:9000{path(d)}", host: "www.example.com"',
            f"{d.date.replace('-', '/')} {d.clock} [warn] 31#31: *{d.digits(7)} a client request body is buffered to a temporary file "
            f"/var/cache/nginx/client_temp/{d.digits(10)}",
        )
    )


def proxies(d: Dice) -> str:
    return d.pick(
        (
            f"{d.syslog} lb-1 haproxy[{d.below(30000)}]: {d.ip()}:{d.below(60000)} [{d.clf}.{d.us // 1000:03}] fe~ be/{d.host()} "
            f'0/0/{d.below(9)}/{d.below(900)}/{d.below(999)} 200 {d.below(90000)} - - ---- {d.below(90)}/{d.below(90)}/0/0/0 0/0 "GET {path(d)} HTTP/1.1"',
            f"h2 {d.iso_us()[:26]}Z app/shop/{d.hex(16)} {d.ip()}:{d.below(60000)} {d.inner_ip()}:8080 0.001 0.0{d.below(99)} 0.000 200 200 {d.below(9999)} "
            f'{d.below(99999)} "GET https://www.example.com:443{path(d)} HTTP/2.0" "{agent(d)}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
            f"arn:aws:elasticloadbalancing:eu-central-1:{d.digits(12)}:targetgroup/shop/{d.hex(16)} "
            f'"Root=1-{d.hex(8)}-{d.hex(24)}" "www.example.com" "arn:aws:acm:eu-central-1:{d.digits(12)}:certificate/{d.uuid()}" 0',
            f"{d.date}\t{d.clock}\tFRA56-P{d.below(9)}\t{d.below(90000)}\t{d.ip()}\tGET\td{d.base62(13).lower()}.cloudfront.net\t{path(d)}\t200\t-\t"
            f"{agent(d).replace(' ', '%20')}\t-\t-\tHit\t{d.base64url(42)}==\twww.example.com\thttps\t{d.below(900)}\t0.00{d.below(9)}",
            f'{{"level":"info","ts":{d.epoch()}.{d.digits(7)},"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"{d.ip()}",'
            f'"proto":"HTTP/2.0","method":"GET","host":"www.example.com","uri":"{path(d)}","headers":{{"User-Agent":["{agent(d)}"],'
            f'"Authorization":["REDACTED"],"Cookie":["REDACTED"],"If-None-Match":["W/\\"{d.hex(32)}\\""]}}}},"duration":{d.unit():.9f},"size":{d.below(90000)}}}',
            f'[{d.iso()}] "GET {path(d)} HTTP/2" 200 - via_upstream - "-" 0 {d.below(9999)} {d.below(99)} {d.below(99)} "-" "{agent(d)}" "{d.uuid()}" '
            f'"www.example.com" "{d.inner_ip()}:8080" outbound|8080||orders.shop.svc.cluster.local {d.inner_ip()}:{d.below(60000)}',
        )
    )

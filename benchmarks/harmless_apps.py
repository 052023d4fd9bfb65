"""This file is for harmless lines of applications, in the formats of their frameworks, stack traces included."""

# ruff: noqa: E501 (a log line is one line here)

from __future__ import annotations

import json

from harmless_values import Dice
from harmless_web import agent, path

_LEVELS = ("INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR")
# What is said about secrets and people without holding any.
_PROSE = (
    "password reset requested, token sent",
    "password policy: min_length=12 history=5",
    "password: required|string|min:8|confirmed",
    "password=[FILTERED] token=[FILTERED]",
    "password=******** user=svc",
    "password=%s bound, pwd=? bound",
    "password: expected string, got null",
    "token: invalid",
    "token=expired reason=exp",
    "token => missing",
    "unexpected token '}' at position 512, token: ident",
    "max_tokens=4096 token_count=512 prompt_tokens=300",
    "secret: none",
    "secret=prod/db/credentials version=AWSCURRENT",
    "secret=arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-a1B2c3",
    "private_key=/etc/ssl/private/site.pem",
    "api_key: ${API_KEY}",
    "access_key=None",
    "Bearer authentication is not configured",
    "Bearer token is missing from the request",
    "WWW-Authenticate: Bearer realm=api, error=invalid_token",
    "WWW-Authenticate: Bearer error_description=The+access+token+expired",
    "bearer oauth2-proxy upstream selected",
    "using Bearer org.springframework.security.oauth2.server.resource.authentication.BearerTokenAuthentication",
    "Bearer urn:ietf:params:oauth:grant-type:jwt-bearer rejected",
    "Authorization: Bearer [REDACTED]",
    "Authorization: Basic ***",
    "Authorization header is missing, expected Basic credentials",
    "basic authentication failed: credentials rejected",
    "basic understanding/checks of preconditions passed",
    "basic_auth enabled for realm staging",
    "connecting to postgres://app:***@db-1.prod.internal:5432/shop",
    "connecting to mongodb://mongo-0:27017,mongo-1:27017/shop?appName=a@b",
    "connecting to postgres://db-1.prod.internal:5432/shop",
    "connecting to redis://cache-1.prod.internal:6379/0",
    "expected a URL such as postgres://user:password@host:5432/db",
    "DATABASE_URL=postgres://${DB_USER}:${DB_PASSWORD}@${DB_HOST}/shop",
    "phone: [PHONE_REDACTED] email: [EMAIL_REDACTED]",
    "email=a***@***.com masked",
    "iban=DE** **** **** **** **** 00 masked",
    "card ending 4242, brand visa, exp 12/29",
    "card_id=card_1OqXyZ2eZvKYlo2C fingerprint=Xt5EWLLDS7FJjR1c",
    "telephony trunk mobile: 0 tel: 000000000 placeholder",
)
# What has an at sign and is no address of a person.
_AT_SIGNS = (
    lambda d: f"rabbit@{d.inner_host()}",
    lambda d: f"celery@{d.inner_host()} ready.",
    lambda d: f"git@github.com:example/{d.word()}.git",
    lambda d: f"git+ssh://git@gitlab.example.com:2222/shop/{d.word()}.git#{d.hex(40)}",
    lambda d: f"deploy@{d.inner_host()}:/srv/app/releases/{d.compact}",
    lambda d: f"postgres@{d.inner_host()}",
    lambda d: f"1@kafka-1.prod.internal:9093,2@kafka-2.prod.internal:9093,3@{d.inner_host()}:9093",
    lambda d: f"https://{d.hex(32)}@o{d.digits(6)}.ingest.sentry.io/{d.digits(16)}",
    lambda d: f"amqp://shop@{d.inner_host()}:5672/%2F",
    lambda d: f"release frontend@{d.version()}-rc.{d.word()}",
    lambda d: f"Message-ID: <{d.compact}.{d.digits(6)}.{d.below(9)}@mail.internal>",
    lambda d: f'message_id="<{d.hex(16)}.{d.hex(8)}@{d.inner_host()}>"',
    lambda d: f"message-id=<{d.base62(12)}@swift.generated>",
    lambda d: f"com.acme.shop.OrderService@{d.hex(8)}.process",
    lambda d: f"App\\Http\\Controllers\\OrderController@{d.word()}.index.blade.php",
    lambda d: f"node_modules/.pnpm/next@{d.version()}_react@{d.version()}/node_modules/next/dist/server.js",
    lambda d: f"github.com/pkg/errors@v{d.version()}/errors.go:{d.below(400)}",
    lambda d: f"registry.example.com:5000/shop/{d.word()}:v{d.version()}@sha256:{d.hex(64)}",
    lambda d: f"docker://nginx:1.{d.below(30)}@sha256:{d.hex(64)}",
    lambda d: f"HTTP/{d.inner_host()}@CORP.EXAMPLE.COM",
    lambda d: f"user@{d.below(2000)}.service",
    lambda d: f"{d.word()}@{d.hex(6)}",
)


def message(d: Dice) -> str:
    """What one line says: mostly words and an id, now and then something that only looks personal."""
    chance = d.unit()
    if chance < 0.04:
        return str(d.pick(_PROSE))
    if chance < 0.08:
        return f"{d.words(2)} {d.pick(_AT_SIGNS)(d)}"
    if chance < 0.20:
        return f"{d.words(2)} {d.number()}"
    if chance < 0.24:
        return f"{d.words(2)} {d.any_time()} {d.words(1)}"
    return f"{d.words(d.below(5) + 2)} {d.pick(_CONTEXTS)(d)}"


_CONTEXTS = (
    lambda d: f"id={d.below(10**6)}",
    lambda d: f"request_id={d.uuid()}",
    lambda d: f"job={d.ulid()}",
    lambda d: f"trace_id={d.hex(32)} span_id={d.hex(16)}",
    lambda d: f"in {d.unit() * 100:.3f} ms",
    lambda d: f"sha={d.hex(40)}",
    lambda d: f"charge=ch_{d.base62(24)} amount={d.money()} EUR",
    lambda d: f'etag=W/"{d.hex(20)}" ip={d.ip()}',
    lambda d: f"host={d.inner_host()} peer={d.inner_ip()}:{d.below(60000)}",
    lambda d: f"snowflake={d.snowflake()} shard={d.below(64)}",
    lambda d: f"version {d.version()}+build.{d.digits(8)}",
    lambda d: f"checksum={d.base64(16)}",
)


def laravel(d: Dice) -> str:
    level = d.pick(("INFO", "INFO", "DEBUG", "WARNING", "ERROR"))
    context = {"correlation_id": d.uuid(), "tenant_id": d.below(900), "path": path(d), "duration_ms": round(d.unit() * 900, 2)}
    line = f"[{d.plain()}] production.{level}: {message(d)} {json.dumps(context)}"
    if level != "ERROR":
        return line
    frames = "\n".join(
        f"#{n} /var/www/html/vendor/laravel/framework/src/Illuminate/Pipeline/Pipeline.php({d.below(300)}): "
        f"Illuminate\\\\Routing\\\\Router->dispatch(Object(Illuminate\\\\Http\\\\Request), Object(Closure))"
        for n in range(d.below(12) + 3)
    )
    return f'{line}\n[stacktrace]\n{frames}\n#99 {{main}}\n"}}'


def rails(d: Dice) -> str:
    return (
        f'I, [{d.date}T{d.clock}.{d.us:06} #{d.below(9000)}]  INFO -- : [{d.uuid()}] Started GET "{path(d)}" for {d.ip()} at {d.plain()} +1000\n'
        f"I, [{d.date}T{d.clock}.{d.us:06} #{d.below(9000)}]  INFO -- : [{d.uuid()}]   Parameters: "
        f'{{"order"=>{{"id"=>"{d.below(10**6)}", "password"=>"[FILTERED]"}}, "authenticity_token"=>"[FILTERED]"}}\n'
        f"D, [{d.date}T{d.clock}.{d.us:06} #{d.below(9000)}] DEBUG -- :   Order Load (0.{d.below(9)}ms)  SELECT `orders`.* FROM `orders` "
        f"WHERE `orders`.`id` = {d.below(10**7)} AND `password_digest` = ? LIMIT 1"
    )


def django(d: Dice) -> str:
    if d.unit() < 0.9:
        return f"{d.millis()} {d.pick(_LEVELS)} django.request {d.below(90)} {d.bits(46)} {message(d)} [{d.pod()}]"
    frames = "\n".join(
        f'  File "/usr/lib/python3.11/site-packages/django/core/handlers/base.py", line {d.below(400)}, in _get_response\n'
        f"    response = wrapped_callback(request, *callback_args, **callback_kwargs)"
        for _ in range(d.below(6) + 2)
    )
    return (
        f"{d.millis()} ERROR django.request Internal Server Error: {path(d)}\nTraceback (most recent call last):\n{frames}\n"
        f'django.db.utils.OperationalError: connection to server at "{d.inner_host()}" ({d.inner_ip()}), port 5432 failed'
    )


def spring(d: Dice) -> str:
    head = (
        f"{d.date}T{d.clock}.{d.us // 1000:03}+02:00 {d.pick(_LEVELS):>5} {d.below(900)} --- [shop] [nio-8080-exec-{d.below(40)}] "
        f"[{d.hex(32)}-{d.hex(16)}] c.a.shop.order.OrderService : {message(d)}"
    )
    if d.unit() < 0.95:
        return head
    frames = "\n".join(
        f"\tat com.acme.shop.order.OrderService$$SpringCGLIB$$0.place(<generated>) ~[classes!/:{d.version()}]\n"
        f"\tat java.base@21.0.{d.below(9)}/java.lang.reflect.Method.invoke(Method.java:{d.below(900)})\n"
        f"\tat org.springframework.aop.framework.CglibAopProxy$$Lambda$1{d.digits(3)}/0x{d.hex(16)}.run(Unknown Source)"
        for _ in range(d.below(8) + 2)
    )
    return (
        f"{head}\njava.lang.IllegalStateException: pool com.zaxxer.hikari.HikariPool@{d.hex(8)} is exhausted\n{frames}\n"
        f"Caused by: java.net.SocketTimeoutException: Read timed out\n\t... {d.below(90)} common frames omitted"
    )


def node(d: Dice) -> str:
    kind, said = d.below(4), json.dumps(message(d))
    if kind == 0:
        return (
            f'{{"level":30,"time":{d.epoch_ms()},"pid":{d.below(900)},"hostname":"{d.pod()}","reqId":"req-{d.base62(4)}","req":{{"method":"GET",'
            f'"url":"{path(d)}","remoteAddress":"::ffff:{d.inner_ip()}","remotePort":{d.below(60000)}}},"msg":{said},"v":1}}'
        )
    if kind == 1:
        return f'{{"level":"info","message":{said},"service":"shop","timestamp":"{d.iso()}","requestId":"{d.uuid7()}","userAgent":"{agent(d)}"}}'
    if kind == 2:
        return (
            f'{{"name":"shop","hostname":"{d.host()}","pid":{d.below(900)},"level":30,"user_id":{d.below(10**6)},"password":null,"token":"",'
            f'"password_reset_at":null,"msg":{said},"time":"{d.iso()}","v":0}}'
        )
    return (
        f"{d.iso()} error: {message(d)}\n    at OrderService.place (/app/node_modules/.pnpm/@acme+core@{d.version()}/dist/order.js:{d.below(900)}:{d.below(90)})\n"
        f"    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)\n    at async file:///app/dist/main.js:{d.below(90)}:7"
    )


def golang(d: Dice) -> str:
    kind = d.below(3)
    if kind == 0:
        return (
            f'{{"level":"info","ts":{d.epoch()}.{d.digits(7)},"caller":"order/service.go:{d.below(900)}","msg":{json.dumps(message(d))},'
            f'"trace_id":"{d.hex(32)}","elapsed":{d.unit():.9f},"attempt":{d.below(5)}}}'
        )
    if kind == 1:
        return (
            f'time="{d.date}T{d.clock}Z" level=info msg={json.dumps(message(d))} component=scheduler pod={d.pod()} uid={d.uuid()}'
        )
    return (
        f"panic: runtime error: index out of range [{d.below(90)}] with length {d.below(90)}\n\ngoroutine {d.below(9000)} [running]:\n"
        f"github.com/example/shop/order.(*Service).Place(0xc000{d.hex(6)}, {{0x{d.hex(8)}, 0x{d.below(90)}}})\n"
        f"\t/go/pkg/mod/github.com/example/core@v{d.version()}/order/service.go:{d.below(900)} +0x{d.hex(3)}"
    )


def dotnet(d: Dice) -> str:
    return (
        f"{d.date} {d.clock}.{d.us // 1000:03} +1000 [INF] Request finished HTTP/1.1 GET https://shop.example.net{path(d)} - 200 - "
        f"application/json;+charset=utf-8 {d.unit() * 90:.4f}ms {d.hex(32)}\n"
        f"info: Microsoft.Hosting.Lifetime[14] {message(d)} cancellationToken=System.Threading.CancellationToken {d.uuid()}"
    )


def calls(d: Dice) -> str:
    """GraphQL, gRPC, payment providers, queues."""
    return d.pick(
        (
            f'{{"ts":"{d.iso()}","op":"query Orders($first: Int!, $after: String) @cached(ttl: 60) {{ orders(first: $first) {{ id password_set }} }}",'
            f'"vars":{{"after":"{d.base64(12)}","token":"[REDACTED]"}},"ms":{d.below(900)}}}',
            f"{d.iso()} grpc.unary /shop.v1.Orders/Get code=DeadlineExceeded peer=ipv4:{d.inner_ip()}:{d.below(60000)} grpc-trace-bin={d.base64(29)}",
            f"{d.iso()} stripe POST /v1/payment_intents/pi_{d.base62(24)} req_{d.base62(14)} cus_{d.base62(14)} pm_{d.base62(24)} amount={d.below(10**6)} "
            f"evt_{d.base62(24)} last4=4242 exp=12/2029 {d.number()}",
            f"{d.epoch()}.{d.us:06} sidekiq pid={d.below(900)} tid={d.base62(4)} class=LabelJob jid={d.hex(24)} elapsed={d.unit():.3f} INFO: {message(d)}",
            f"[{d.millis()}: INFO/MainProcess] Task shop.tasks.label[{d.uuid()}] received on celery@{d.inner_host()} {d.number()}",
            f"traceparent=00-{d.hex(32)}-{d.hex(16)}-01 next_page_token=CAUQ{d.base62(4)} continuation_token={d.base64url(30)} resume=ok",
        )
    )

"""This file is for harmless lines of what an application stands on: systems, databases, queues, clusters, clouds, builds."""

# ruff: noqa: E501 (a log line is one line here)

from __future__ import annotations

from harmless_apps import message
from harmless_values import Dice

_HOST_KEY = ("ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256")


def systemd(d: Dice) -> str:
    return f"{d.syslog} {d.host()} {d.pick(_SYSTEM)(d)}"


_SYSTEM = (
    lambda d: f"systemd[1]: Started user@{d.below(3000)}.service - User Manager for UID {d.below(3000)}.",
    lambda d: f"systemd[1]: Starting modprobe@{d.pick(('drm', 'fuse', 'configfs'))}.service - Load Kernel Module...",
    lambda d: f"systemd[1]: postgresql@15-main.service: Consumed {d.below(90)}.{d.digits(3)}s CPU time.",
    lambda d: (
        f"systemd[1]: session-{d.below(900)}.scope: Deactivated successfully, getty@tty1.service and wg-quick@wg0.service stay."
    ),
    lambda d: f"systemd-fsck@dev-disk-by\\x2duuid-{d.hex(8)}\\x2d{d.hex(4)}\\x2d{d.hex(4)}.service: clean",
    lambda d: (
        f"sshd[{d.below(30000)}]: Accepted publickey for deploy from {d.inner_ip()} port {d.below(60000)} ssh2: ED25519 SHA256:{d.base64(32).rstrip('=')}"
    ),
    lambda d: (
        f"sshd[{d.below(30000)}]: Server host key: {d.pick(_HOST_KEY)} SHA256:{d.base64(32).rstrip('=')} MD5:{d.mac()}:{d.hex(2)}"
    ),
    lambda d: (
        f"sshd[{d.below(30000)}]: Unable to negotiate with {d.ip()} port {d.below(60000)}: no matching cipher found. Their offer: "
        f"aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,rijndael-cbc@lysator.liu.se,curve25519-sha256@libssh.org [preauth]"
    ),
    lambda d: (
        f"sudo:   deploy : TTY=pts/{d.below(9)} ; PWD=/srv/app/releases/{d.compact} ; USER=root ; COMMAND=/usr/bin/systemctl restart shop"
    ),
    lambda d: (
        f"kernel: [{d.below(90000)}.{d.digits(6)}] Linux version 6.1.0-{d.below(40)}-amd64 (debian-kernel@build-{d.below(9)}.example.net) (gcc-12)"
    ),
    lambda d: (
        f"kernel: IN=eth0 OUT= MAC={d.mac()}:{d.mac()}:08:00 SRC={d.ip()} DST={d.inner_ip()} LEN=60 TTL=49 ID={d.below(65000)} PROTO=TCP SPT={d.below(60000)}"
    ),
    lambda d: f"kernel: e1000e 0000:00:1f.6 eth0: NIC Link is Up 1000 Mbps, {d.mac()}, {d.mac('-')}",
    lambda d: (
        f"postfix/cleanup[{d.below(30000)}]: {d.hex(10).upper()}: message-id=<{d.compact}.{d.hex(10).upper()}@{d.inner_host()}>"
    ),
    lambda d: f"CRON[{d.below(30000)}]: (root) CMD (test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily)",
    lambda d: f"dhclient[{d.below(900)}]: DHCPACK of {d.inner_ip()} from {d.inner_ip()} (xid=0x{d.hex(8)})",
    lambda d: f"journald[{d.below(900)}]: {message(d)} _BOOT_ID={d.hex(32)} __CURSOR=s={d.hex(32)};i={d.hex(5)};t={d.hex(13)}",
    lambda d: (
        f"chronyd[{d.below(900)}]: System clock wrong by +{d.unit() * 2:.{d.below(5) + 5}f} seconds, offset +{d.unit() * 200:.7f} ms"
    ),
    lambda d: (
        f'kernel: audit: type=1400 audit({d.epoch()}.{d.below(999):03}:{d.below(90000)}): apparmor="STATUS" profile="unconfined" pid={d.below(9000)}'
    ),
)


def postgres(d: Dice) -> str:
    head = f"{d.date} {d.clock}.{d.us // 1000:03} UTC [{d.below(90000)}] app@shop LOG:  "
    return head + d.pick(
        (
            f"duration: {d.unit() * 900:.3f} ms  execute <unnamed>: SELECT id, password_hash IS NULL FROM customers WHERE id = $1 AND token = $2",
            f"checkpoint complete: wrote {d.below(9000)} buffers ({d.unit():.1f}%); distance={d.below(90000)} kB, lsn={d.hex(1).upper()}/{d.hex(8).upper()}",
            f'automatic vacuum of table "shop.public.orders": index scans: {d.below(3)}, WAL usage: {d.below(9000)} records, {d.digits(8)} bytes',
            f"process {d.below(90000)} still waiting for ShareLock on transaction {d.digits(9)} after 1000.{d.digits(3)} ms",
            f"connection authorized: user=app database=shop application_name={d.pod()} SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384)",
        )
    )


def mysql(d: Dice) -> str:
    return d.pick(
        (
            f"{d.date}T{d.clock}.{d.us:06}Z {d.below(900)} [Note] [MY-010914] [Server] Aborted connection {d.digits(7)} to db: 'shop' user: 'app' "
            f"host: '{d.inner_ip()}' (Got timeout reading communication packets).",
            f"# User@Host: app[app] @ {d.inner_host()} [{d.inner_ip()}]  Id: {d.digits(8)}\n# Query_time: {d.unit() * 9:.6f}  Lock_time: 0.{d.digits(6)} "
            f"Rows_sent: {d.below(900)}\nSET timestamp={d.epoch()};\nUPDATE orders SET updated_at='{d.plain()}', token=NULL WHERE id={d.digits(8)};",
            f"{d.date} {d.clock} {d.below(90)} [Warning] Access denied for user 'app'@'{d.inner_host()}' (using password: YES)",
        )
    )


def stores(d: Dice) -> str:
    return d.pick(
        (
            f"{d.below(900)}:M 21 {d.month} 2026 {d.clock}.{d.us // 1000:03} * Background saving terminated with success, {d.digits(8)} bytes, repl id {d.hex(40)}",
            f'{d.epoch()}.{d.us:06} [0 {d.inner_ip()}:{d.below(60000)}] "SETEX" "session:{d.base62(40)}" "7200" "s:{d.below(90)}:\\"a\\";"',
            f"{d.date} {d.clock}.{d.us:06}+00:00 [info] <0.{d.below(9000)}.0> accepting AMQP connection <0.{d.below(9000)}.0> ({d.inner_ip()}:{d.below(60000)} -> "
            f"{d.inner_ip()}:5672) node rabbit@rabbitmq-{d.below(3)}.rabbitmq-headless.shop.svc.cluster.local",
            f'{{"t":{{"$date":"{d.date}T{d.clock}.{d.us // 1000:03}+00:00"}},"s":"I","c":"NETWORK","id":{d.below(60000)},"ctx":"conn{d.below(9000)}","msg":"client metadata",'
            f'"attr":{{"remote":"{d.inner_ip()}:{d.below(60000)}","doc":{{"driver":{{"name":"nodejs","version":"{d.version()}"}}}},"resumeToken":{{"_data":"{d.hex(80).upper()}"}}}}}}',
            f"[{d.millis()}] INFO [Controller id={d.below(9)}] quorum.voters=1@kafka-1.prod.internal:9093,2@kafka-2.prod.internal:9093 epoch={d.below(900)} "
            f"offset={d.digits(10)} (kafka.controller.KafkaController)",
            f"[{d.date}T{d.clock},{d.us // 1000:03}][INFO ][o.e.c.r.a.AllocationService] [{d.host()}] Cluster health status changed [{d.base64url(16)}][{d.base64url(16)}] {message(d)}",
        )
    )


def clusters(d: Dice) -> str:
    return d.pick(
        (
            f'{d.iso()} Normal Pulled pod/{d.pod()} Successfully pulled image "registry.example.com/shop/api:{d.version()}@sha256:{d.hex(64)}" in {d.unit() * 9:.9f}s',
            f"{d.iso()} Warning BackOff pod/{d.pod()} Back-off restarting failed container, uid {d.uuid()}, resourceVersion {d.digits(9)}",
            f'I1121 {d.clock}.{d.us:06}       1 event.go:{d.below(900)}] "Event occurred" object="shop/{d.pod()}" reason="Scheduled" '
            f'message="secret \\"db-credentials\\" not found, secretName: db-credentials"',
            f'{d.iso()} containerd: ImageUpdate event name:"sha256:{d.hex(64)}" labels:{{key:"io.cri-containerd.image" value:"managed"}} id={d.hex(64)}',
            f"{d.iso()} stdout F {message(d)}",
            f'{d.iso()} kubelet: MountVolume.SetUp succeeded for volume "kube-api-access-{d.base62(5).lower()}" (UniqueName: "kubernetes.io/projected/{d.uuid()}")',
        )
    )


def clouds(d: Dice) -> str:
    return d.pick(
        (
            f'{{"eventTime":"{d.iso()}","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{{"type":"AssumedRole","arn":'
            f'"arn:aws:sts::{d.digits(12)}:assumed-role/shop-api/{d.digits(19)}","accessKeyId":"[REDACTED]"}},"requestID":"{d.base62(16).upper()}",'
            f'"resources":[{{"ARN":"arn:aws:s3:::shop-media/{d.date}/{d.hex(32)}/photo@2x.heic"}}],"eventID":"{d.uuid()}"}}',
            f"REPORT RequestId: {d.uuid()}\tDuration: {d.unit() * 900:.2f} ms\tBilled Duration: {d.below(900)} ms\tMemory Size: 512 MB\tXRAY TraceId: 1-{d.hex(8)}-{d.hex(24)}",
            f"{d.digits(12)} eni-{d.hex(17)} {d.inner_ip()} {d.ip()} {d.below(60000)} 443 6 {d.below(900)} {d.below(90000)} {d.epoch()} {d.epoch() + 60} ACCEPT OK",
            f'{{"insertId":"{d.base62(14).lower()}","resource":{{"type":"k8s_container"}},"textPayload":"{d.words(6)}","timestamp":"{d.date}T{d.clock}.{d.digits(9)}Z",'
            f'"trace":"projects/shop-prod/traces/{d.hex(32)}","receiveTimestamp":"{d.date}T{d.clock}.{d.digits(9)}Z"}}',
            f"{d.iso()} sns MessageId={d.uuid()} SES id 0102{d.hex(12)}-{d.uuid()}-000000 {message(d)}",
        )
    )


def builds(d: Dice) -> str:
    return d.pick(
        (
            f"npm warn deprecated {d.word()}@{d.version()}: use {d.word()}@{d.version()}-beta.{d.word()} instead",
            f"➤ YN0013: │ @acme/core@npm:{d.version()}, {d.word()}@npm:{d.version()} can't be found in the cache",
            f"remote: Enumerating objects: {d.below(900)}, done.\nTo git@github.com:example/shop.git\n   {d.hex(7)}..{d.hex(7)}  main -> main",
            f"Successfully installed {d.word()}-{d.version()} {d.word()}-{d.version()}.post{d.below(9)}",
            f"#{d.below(30)} [internal] load metadata for docker.io/library/node:20@sha256:{d.hex(64)}",
            f"Terraform: aws_instance.web[{d.below(9)}]: Creation complete after {d.below(90)}s [id=i-0{d.hex(16)}]",
            f" {d.below(900)} files changed, {d.below(9000)} insertions(+), {d.below(9000)} deletions(-)\n@@ -{d.below(900)},{d.below(90)} +{d.below(900)},{d.below(90)} @@",
            f"Downloading https://files.pythonhosted.org/packages/{d.hex(2)}/{d.hex(2)}/{d.hex(60)}/{d.word()}-{d.version()}-py3-none-any.whl ({d.below(900)} kB)",
        )
    )

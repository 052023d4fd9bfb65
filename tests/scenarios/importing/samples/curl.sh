#!/bin/bash
# Written for these tests.
curl 'https://api.example.com/v1/users?page=2&api_key=query-s3cret-1' \
  -H 'accept: application/json' \
  -H 'authorization: Bearer header-s3cret-2' \
  -H 'cookie: sid=cookie-s3cret-3; theme=dark-s3cret' \
  -H $'x-quote: it\'s here' \
  --compressed
curl -sS -L -u probe:password-s3cret-4 -X PUT https://shop.example.com/orders/7 -d '{"a": 1, "password": "body-s3cret-5"}' \
  -H 'Content-Type: application/json' --max-time 40 -k --cacert ca.pem
TOKEN=x curl --json '{"q":"{{user}}"}' localhost:8080/search -o /dev/null -w '%{http_code}' | jq .
curl -F file=@/tmp/x https://example.com/upload; curl -F name=Ada -F 'pin=form-s3cret-6' https://example.com/form
curl -G https://example.com/find --data-urlencode "q=a b&c" -d lang=de
curl -b 'sid=cookie-s3cret-3' "$BASE/health" --resolve example.com:443:127.0.0.1 -H "X-Trace: ${TRACE_ID}" | grep ok && echo fine
curl https://user:url-s3cret-7@example.com/private -I

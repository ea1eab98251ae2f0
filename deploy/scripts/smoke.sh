#!/usr/bin/env bash
# Whether a deployment with the WeChat sandbox works, asked as a phone would: somebody new signs in, salutes through nginx, salutes again, and
# is told the same number; then it waits until MongoDB has it. Needs curl alone. smoke.sh [ADDRESS [SANDBOX [CAMPAIGN]]]
set -euo pipefail
address=${1:-http://127.0.0.1:8080}
sandbox=${2:-http://127.0.0.1:8890}
campaign=${3:-salute-the-flag}
# A salute is written within a second; a machine that has just started everything else is slower.
patience=${PATIENCE_SECONDS:-30}

say() { printf '%s\n' "$*"; }
give_up() { say "没有通过 (NOT ok): $*" >&2; exit 1; }
# ask WANTED_STATUS URL [CURL OPTION...]: prints the body. A page gives up after eight seconds.
ask() {
  local wanted=$1 url=$2 answer
  shift 2
  answer=$(curl -sS --max-time 8 -w '\n%{http_code}' "$@" "$url") || give_up "$url: no answer"
  [[ ${answer##*$'\n'} =~ ^($wanted)$ ]] || give_up "$url: ${answer##*$'\n'}, wanted $wanted: ${answer%$'\n'*}"
  printf '%s' "${answer%$'\n'*}"
}
# field NAME: a text, number or truth of the JSON on standard input, the first of that name.
field() { tr -d '\n' | grep -oE "\"$1\": ?(\"[^\"]*\"|[0-9a-z]+)" | head -n 1 | sed -E "s/^\"$1\": ?//; s/\"//g"; }
json=(-H 'Content-Type: application/json')

ask 200 "$address/healthz" >/dev/null
[ "$(ask 200 "$address/readyz" | field status)" = ready ] || give_up "not ready"
ask 200 "$address/c/$campaign" >/dev/null
ask 200 "$address/static/flag.svg" >/dev/null
# Figures of each process are for Prometheus, which asks inside.
ask 404 "$address/metrics" >/dev/null

openid=$(ask 201 "$sandbox/sandbox/citizens" "${json[@]}" -d '{}' | field openid)
code=$(ask 200 "$sandbox/sandbox/login" "${json[@]}" -d "{\"openid\": \"$openid\"}" | field code)
token=$(ask 200 "$address/api/v1/session/miniprogram" "${json[@]}" -d "{\"code\": \"$code\"}" | field token)
[ -n "$token" ] || give_up "no token"

# The first activity and the first region that the campaign has.
view=$(ask 200 "$address/api/v1/campaigns/$campaign")
first() { tr -d '\n' <<<"$view" | grep -oE "\"$1\": ?\[\{[^}]*" | field code; }
ask_body="{\"activity\": \"$(first activities)\", \"region\": \"$(first regions)\"}"
salute() {
  ask "200|201" "$address/api/v1/campaigns/$campaign/participations" "${json[@]}" -H "Authorization: Bearer $token" -d "$ask_body"
}
ordinal=$(salute | field ordinal)
[ -n "$ordinal" ] || give_up "no ordinal"
[ "$(salute | field ordinal)" = "$ordinal" ] || give_up "a repeat was given another number than $ordinal"

mine="$address/api/v1/campaigns/$campaign/participations/me"
until [ "$(ask 200 "$mine" -H "Authorization: Bearer $token" | field durable)" = true ]; do
  [ "$patience" -gt 0 ] || give_up "number $ordinal is counted, but MongoDB does not have it: does the ledger run?"
  patience=$((patience - 1))
  sleep 1
done

[ "$(ask 200 "$address/api/v1/campaigns/$campaign/counters" | field participants)" -ge 1 ] || give_up "the counters say nobody"
# The socket stays open, so curl ends by its own time limit; what counts is that the upgrade was taken.
upgraded=$(curl -s -o /dev/null -w '%{http_code}' --http1.1 --max-time 2 -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
  -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: d2VubWluZy1zbW9rZS0wMQ==' "$address/live/campaigns/$campaign" || true)
[ "$upgraded" = 101 ] || give_up "the live socket: $upgraded, wanted 101"

say "通过 (ok): 第 $ordinal 位，已入账 (number $ordinal, written)"

#!/usr/bin/env bash
# `make rehearsal`: a product of its own, in a folder and on ports that nobody uses, a whole city's week against it, and the end of both.
# Words behind it go to the command: deploy/scripts/rehearsal.sh --participants 20000 --kill redis --every 20s
source "$(dirname "$0")/setup.sh"
make_venv
install_packages requirements.txt
ensure_redis
ensure_fonts
build_h5

folder=$(mktemp -d -t wenming-rehearsal.XXXXXX)
report=$PWD/data/rehearsals/$(date +%Y%m%d-%H%M%S)
read -r WENMING_PORT WENMING_INTAKE_PORT WENMING_SANDBOX_PORT < <($venv/bin/python -c '
from server.embedded import free_port
print(free_port(), free_port(), free_port())')
export WENMING_PORT WENMING_INTAKE_PORT WENMING_SANDBOX_PORT WENMING_DATA_DIR=$folder/data

# The one that runs now, which after a kill is not the one that was started here.
running() { $venv/bin/python -c 'import json, sys; print(json.load(open(sys.argv[1]))["pid"])' "$WENMING_DATA_DIR/run.json" 2>/dev/null; }
stop() {
  local pid
  pid=$(running) && kill "$pid" 2>/dev/null
  wait 2>/dev/null
  for _ in $(seq 100); do [ -n "$(running)" ] || break; sleep 0.1; done
  rm -rf "$folder"
}
trap stop EXIT

$venv/bin/python -m server >"$folder/server.log" 2>&1 &
for _ in $(seq 300); do
  grep -q 已启动 "$folder/server.log" && break
  kill -0 $! 2>/dev/null || { cat "$folder/server.log" >&2; exit 2; }
  sleep 0.2
done
$venv/bin/python -m server rehearse --participants 2198200 --out "$report" "$@"

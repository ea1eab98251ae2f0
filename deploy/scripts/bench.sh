#!/usr/bin/env bash
# `make bench`: our intake beside what others would build, in one run, with one load tool, on pinned cores. Some five minutes.
# `make bench-callback` passes `callback`, `make bench-live` passes `live`.
source "$(dirname "$0")/setup.sh"
make_venv
if [ "${1:-}" = live ]; then  # it has load tools of its own
  install_packages requirements.txt
else
  install_packages requirements-bench.txt
fi
ensure_redis
ensure_fonts
build_h5
mkdir -p data
if [ "${1:-}" = live ]; then exec $venv/bin/python -m tests.bench.bench_live --out data/bench-live.json "${@:2}"; fi
command -v wrk >/dev/null || apt_install wrk || give_up "需要负载工具 wrk (the load tool wrk is needed): apt-get install wrk"
if [ "${1:-}" = callback ]; then exec $venv/bin/python -m tests.bench.callback "${@:2}"; fi
exec $venv/bin/python -m tests.bench.compare --out data/bench.json "$@"

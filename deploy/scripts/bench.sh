#!/usr/bin/env bash
# `make bench`: our intake beside what others would build, in one run, with one load tool, on pinned cores. Some five minutes.
source "$(dirname "$0")/setup.sh"
make_venv
install_packages requirements-bench.txt
ensure_redis
ensure_fonts
build_h5
command -v wrk >/dev/null || apt_install wrk || give_up "需要负载工具 wrk (the load tool wrk is needed): apt-get install wrk"
mkdir -p data
exec $venv/bin/python -m tests.bench.compare --out data/bench.json "$@"

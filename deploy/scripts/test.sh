#!/usr/bin/env bash
# `make test`: installs what the tests need and runs all of them. Every step runs, also after one failed.
# Its last lines name what failed and what was not run. `make test-long` passes: --long
source "$(dirname "$0")/setup.sh"
began=$SECONDS
failed=()
not_run=()

step() {
  local name=$1
  shift
  say "" "== $name"
  "$@" || failed+=("$name")
}

make_venv
install_packages requirements-dev.txt
ensure_redis
# The carried Redis is 6.2; the newer one that cities run is tried beside it.
if ! command -v redis-server >/dev/null; then
  apt_install redis-server || not_run+=("Redis 7 没有安装 (no redis-server on PATH; Debian: apt-get install redis-server): everything ran on 6.2 alone")
fi
ensure_fonts
if ! command -v chromium >/dev/null; then
  apt_install chromium || not_run+=("Chromium 没有安装 (Chromium is missing; Debian: apt-get install chromium): tests marked browser")
fi
install_h5
ensure_node
build_h5

selection="not long"
[ "${1:-}" != --long ] || selection="long"
if [ "$selection" = "not long" ]; then
  step "ruff" $venv/bin/ruff check .
  step "mypy" $venv/bin/mypy
  step "vue-tsc" npm --prefix h5 run --silent types
  step "vitest" npm --prefix h5 run --silent test
fi
skipped=$venv/not-run.txt
rm -f "$skipped"
export WENMING_TEST_NOT_RUN_FILE=$PWD/$skipped
step "pytest" $venv/bin/python -m pytest -q -m "$selection"
if [ -s "$skipped" ]; then
  mapfile -t names <"$skipped"
  not_run+=("${names[@]}")
fi

say "" "用时 (took) $((SECONDS - began)) s"
for line in "${not_run[@]}"; do say "未运行 (NOT RUN): $line"; done
[ ${#not_run[@]} -gt 0 ] || say "没有跳过任何测试 (nothing was left out)"
if [ ${#failed[@]} -gt 0 ]; then
  say "失败 (FAILED): ${failed[*]}"
  exit 1
fi
say "通过 (passed)"

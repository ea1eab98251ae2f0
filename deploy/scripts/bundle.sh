#!/usr/bin/env bash
# `make bundle`: one archive that installs on a machine without network: source, built pages, wheels, checksums, list of components.
# For machines as this one: its Python (PYTHON=/usr/bin/python3.12 picks another) and architecture. Made twice from one commit and the
# same packages it has the same bytes: sorted, with the commit's time, without owners.
#   BUNDLE_OUT     folder of the archive (dist)
#   BUNDLE_WHEELS  folder of wheels that were fetched before, in place of asking the package index
source "$(dirname "$0")/setup.sh"
# Writes the list of the Python packages (CycloneDX, Apache-2.0).
sbom_package="cyclonedx-bom==7.5.0"
# Python 3.11 needs it before 3.11.3 alone, which Debian 12 has: a bundle that was made on a newer 3.11 must install there too.
for_older_python="async-timeout==5.0.1"
out=${BUNDLE_OUT:-dist}

git rev-parse --verify -q HEAD >/dev/null || give_up "需要 git 工作区 (a git checkout is needed): 安装包由提交的文件做成"
[ -z "$(git status --porcelain)" ] || say "注意：有未提交的修改，安装包用的是工作区里的文件 (note: the bundle has uncommitted changes)"
make_venv
install_packages requirements.txt
build_h5
ensure_node
$venv/bin/python -m pip install -qq "$sbom_package"

commit=$(git rev-parse HEAD)
epoch=$(git show -s --format=%ct HEAD)
version=$($venv/bin/python -c 'from server.version import VERSION; print(VERSION)')
# Of the Python that was asked for, which need not be that of .venv.
python=$(find_python) || give_up "需要 Python 3.11、3.12 或 3.13 (Python 3.11 to 3.13 is needed)"
tag=$("$python" -c 'import platform, sys; print("cp%d%d-%s" % (*sys.version_info[:2], platform.machine()))')
name=wenming-$version-${commit:0:8}-$tag
work=$(mktemp -d -t wenming-bundle.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/$name
mkdir -p "$root/wheels" "$out"

say "收集源文件与页面 (source and pages)"
git ls-files -z -- settings.py server handlers assets deploy h5 Makefile pyproject.toml 'requirements*.txt' '*.md' ':!tests' |
  xargs -0 cp --parents -t "$root"
cp -r assets/h5 "$root/assets/"
rm -f "$root/assets/h5/.built"
# server/version.py finds the commit here, where there is no git.
printf '%s\n' "$commit" >"$root/COMMIT"
cp deploy/bundle/install.sh "$root/install.sh"

say "下载依赖 (wheels): $tag"
"$python" -m venv "$work/venv"
fetch=("$work/venv/bin/python" -m pip download -qq --only-binary :all: -d "$root/wheels")
[ -z "${BUNDLE_WHEELS:-}" ] || fetch+=(--no-index --find-links "$BUNDLE_WHEELS")
"${fetch[@]}" -r requirements.txt
[ "${tag%%-*}" != cp311 ] || "${fetch[@]}" --no-deps "$for_older_python"
# As on the machine without network; what a wheel is missing is found here.
"$work/venv/bin/python" -m pip install -qq --no-index --no-compile --find-links "$root/wheels" -r requirements.txt

say "写组件清单与校验值 (SBOM, checksums)"
"$work/venv/bin/python" -m pip uninstall -qq -y pip setuptools
SOURCE_DATE_EPOCH=$epoch $venv/bin/cyclonedx-py environment --output-reproducible --sv 1.6 --of JSON -o "$root/sbom-python.json" "$work/venv/bin/python"
# Not --omit dev: npm then leaves out what the pages and the build both need, vue among it. finish.py takes the build's own out.
(cd h5 && npm sbom --package-lock-only --sbom-format cyclonedx) >"$work/h5.json"
$venv/bin/python deploy/bundle/finish.py "$root" "$work/h5.json" "$epoch" "$tag"

chmod -R u=rwX,go=rX "$root"
tar --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=gnu -C "$work" -cf - "$name" | gzip -n -6 >"$out/$name.tar.gz"
(cd "$out" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
say "$out/$name.tar.gz  $(du -h "$out/$name.tar.gz" | cut -f1)"

#!/usr/bin/env bash
# `make run`: everything that one machine needs, then the product itself. Ctrl-C stops it.
source "$(dirname "$0")/setup.sh"
trap 'exit 130' INT
make_venv
install_packages requirements.txt
ensure_redis
ensure_fonts
build_h5
exec $venv/bin/python -m server "$@"

"""The files of deploy/nginx, read by the distribution's nginx as committed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.nginx import FILES, PROGRAM, WRITTEN, make_certificate

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="nginx is not installed"), pytest.mark.timeout(240)]


def test_nginx_takes_the_files_as_they_are_committed(tmp_path: Path) -> None:
    shutil.copytree(FILES, tmp_path / "etc")
    for name in WRITTEN:
        (tmp_path / name).mkdir()
    make_certificate(tmp_path / "etc" / "tls", ["h5.example.cn"])
    done = subprocess.run([PROGRAM, "-p", str(tmp_path), "-c", str(tmp_path / "etc" / "nginx.conf"), "-t"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert "syntax is ok" in done.stderr and "[emerg]" not in done.stderr.replace("[emerg] bind()", ""), done.stderr
    assert "[warn]" not in done.stderr, "nginx advises against something"

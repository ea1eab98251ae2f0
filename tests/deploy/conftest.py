"""A front for the tests of deploy: nginx with two hosts, a trusted proxy before it and recorders behind it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.front import Recorder, client, eventually
from tests.deploy.nginx import Nginx

CURRENT, OLD = "h5.example.cn", "old.example.cn"
SCRIPT = b"console.log('salute')\n" * 100


@dataclass
class Front:
    """`web` twice and `intake` twice, so that a repeat has where to go."""

    nginx: Nginx
    web: list[Recorder]
    intake: list[Recorder]
    live: Recorder

    @property
    def all(self) -> list[Recorder]:
        return [*self.web, *self.intake, self.live]

    def asked(self, recorders: list[Recorder], path: str) -> int:
        return sum(one.path.partition("?")[0] == path for recorder in recorders for one in recorder.asked)


def make_assets(folder: Path) -> Path:
    """A small build: a script with its packed form, a page, the flag, a card."""
    files = {"h5/assets/main-abc123.js": SCRIPT, "h5/noscript.css": b"p{}", "flag.svg": b"<svg/>", "share/salute.jpg": b"jpg"}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    # Another text in the packed one, so that it is seen which was sent.
    (folder / "h5/assets/main-abc123.js.gz").write_bytes(gzip.compress(SCRIPT + b"// packed"))
    return folder


@pytest.fixture(scope="module")
def standing_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    web, intake, live = [Recorder("web1"), Recorder("web2")], [Recorder("intake1"), Recorder("intake2")], Recorder("live")
    nginx = Nginx(folder / "nginx", web=[one.port for one in web], intake=[one.port for one in intake], live=[live.port],
                  hosts=(CURRENT, OLD), fronts=["127.0.0.1"], assets=make_assets(folder / "assets"))
    made = Front(nginx, web, intake, live)
    try:
        yield made
    finally:
        nginx.end()
        for one in made.all:
            one.end()


@pytest.fixture
def front(standing_front: Front) -> Front:
    """With nothing remembered, and no process that nginx leaves alone after the test before."""
    for one in standing_front.all:
        one.forget()
    standing_front.nginx.maintenance_file.unlink(missing_ok=True)
    with client(standing_front.nginx) as browser:
        for role, path in (("web", "/healthz"), ("intake", "/wechat/official")):
            wanted, seen = {f"{role}1", f"{role}2"}, set[str]()
            eventually(lambda: wanted <= seen or seen.add(browser.post(path).headers.get("X-By", "")) or wanted <= seen, role)  # noqa: B023
    for one in standing_front.all:
        one.forget()
    return standing_front

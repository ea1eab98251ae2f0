"""nginx in front of the product as a newcomer starts it: what people and the platform do, through it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets.asyncio.client

from tests.deploy.front import client, error_of, eventually
from tests.deploy.nginx import PROGRAM, Nginx
from tests.product import Product

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="nginx is not installed"), pytest.mark.timeout(300)]
FLAG = "/api/v1/campaigns/salute-the-flag"
SALUTE = f"{FLAG}/participations"
BODY = {"activity": "salute", "region": "350602"}
HTML = {"Accept": "text/html"}
SCHOOL = 2000


@dataclass
class Whole:
    """`tokens`: citizens who have not taken part; each test takes its own."""

    product: Product
    nginx: Nginx
    tokens: list[str]

    def citizen(self) -> str:
        return self.tokens.pop()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    product = Product(folder / "data", WENMING_LOG_LEVEL="DEBUG")
    nginx = Nginx(folder / "nginx", web=[product.web], intake=[product.intake], hosts=("localhost",), fronts=["127.0.0.1"])
    product.environ["WENMING_PUBLIC_URL"] = nginx.url
    try:
        product.start()
        yield Whole(product, nginx, product.tokens(SCHOOL + 20))
    finally:
        nginx.end()
        product.end()


def password_of(whole: Whole, name: str) -> str:
    found = re.search(rf"{name}\s+(\S+)", whole.product.log())
    assert found is not None
    return found[1]


def test_a_salute_is_found_from_nginx_to_the_ledger_by_one_name(whole: Whole) -> None:
    with client(whole.nginx) as browser:
        answer = browser.post(SALUTE, json=BODY, headers={"Authorization": f"Bearer {whole.citizen()}"})
        assert answer.status_code == 201 and answer.json()["first"] and answer.http_version == "HTTP/2"
        name = answer.headers["X-Request-Id"]
        assert whole.nginx.line_of(name)["upstream"].endswith(f":{whole.product.intake}")
    eventually(lambda: "archive" in whole.product.command("trace", name).stdout, "the archive's row")
    assert f"ordinal {answer.json()['ordinal']}" in whole.product.command("trace", name).stdout


def test_a_citizen_signs_in_with_wechat_and_salutes_with_her_cookie(whole: Whole) -> None:
    """Through the simulated platform and back to our own https address."""
    with client(whole.nginx) as browser:
        step = browser.get("/auth/official?next=/c/salute-the-flag")
        assert step.status_code == 302 and whole.nginx.url.replace(":", "%3A").replace("/", "%2F") in step.headers["Location"]
        assert "secure" in step.headers["Set-Cookie"].lower()
        with httpx.Client(trust_env=False, follow_redirects=False) as platform:
            citizen = platform.post(f"http://127.0.0.1:{whole.product.sandbox}/sandbox/citizens", json={"nickname": "王小红"}).json()
            said = platform.get(step.headers["Location"] + f"&openid={citizen['openid']}", headers=HTML)
        page = browser.get("/c/salute-the-flag")
        assert page.status_code == 200 and page.headers["Cache-Control"] == "no-cache"
        assert said.status_code < 500 and len(page.headers.get_list("Content-Security-Policy")) == 1
        assert f"wss://localhost:{whole.nginx.port}" in page.headers["Content-Security-Policy"]
        cookie = {"Cookie": f"wenming_citizen={whole.citizen()}"}
        assert browser.post(SALUTE, json=BODY, headers=cookie).status_code == 201
        mine = browser.get(f"{SALUTE}/me", headers=cookie)
        assert mine.status_code == 200 and mine.headers["Cache-Control"] == "no-store"
        assert browser.get(f"{SALUTE}/me").status_code == 401  # nobody else is shown hers


def test_a_school_behind_one_address_salutes_in_the_same_moment(whole: Whole) -> None:
    """Two thousand phones, each sends its request twice as phones do on a bad network; with the committed limits, at one address."""
    tokens, ordinals = [whole.citizen() for _ in range(SCHOOL)], set[int]()
    body = json.dumps(BODY)

    def salute(token: str) -> str:
        return (f"POST {SALUTE} HTTP/1.1\r\nHost: localhost:{whole.nginx.port}\r\nX-Forwarded-For: 198.51.100.77\r\n"
                f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n{body}")

    async def phones(some: list[str]) -> list[tuple[str, str]]:
        """A connection on which each request is sent before the last is answered, so that the crowd costs this test little. Tokens and
        the statuses that they got."""
        reader, writer = await asyncio.open_connection("127.0.0.1", whole.nginx.port, ssl=whole.nginx.context, server_hostname="localhost")
        writer.write("".join(map(salute, some)).encode())
        statuses = []
        for token in some:
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)).decode()
            found = re.search(r"content-length: (\d+)", head, re.I)
            assert found, head
            told = json.loads(await reader.readexactly(int(found[1])))
            ordinals.add(told.get("ordinal", 0))
            statuses.append((token, head.split(" ", 2)[1]))
        writer.close()
        await writer.wait_closed()  # nothing is left for a later test to find
        return statuses

    async def crowd(those: list[str]) -> list[tuple[str, str]]:
        return sum(await asyncio.gather(*(phones(those[n::40]) for n in range(40))), [])

    waiting = [token for token in tokens for _ in range(2)]
    taken: list[str] = []
    until = time.monotonic() + 120
    while waiting:
        answers = asyncio.run(crowd(waiting))
        taken += [status for _, status in answers if status != "503"]
        # A product on a loaded machine may be busy for a moment; then a phone asks again.
        waiting = [token for token, status in answers if status == "503"]
        assert not waiting or time.monotonic() < until, f"{len(waiting)} wait"
    assert (taken.count("201"), taken.count("200"), len(taken)) == (SCHOOL, SCHOOL, 2 * SCHOOL)  # nginx held nobody off
    assert len(ordinals - {0}) == SCHOOL  # each her own, and a repeat the same again


def test_figures_are_kept_for_everybody_for_a_second(whole: Whole) -> None:
    with client(whole.nginx) as browser:
        for path in (FLAG, f"{FLAG}/counters", f"{FLAG}/units?region=350602", "/api/v1/campaigns"):
            answers = [browser.get(path) for _ in range(30)]
            assert all(answer.status_code == 200 and answer.headers["Cache-Control"].startswith("public, max-age=1,") for answer in answers)
            kept = [whole.nginx.line_of(answer.headers["X-Request-Id"])["cache"] for answer in answers]
            assert kept.count("HIT") + kept.count("STALE") + kept.count("UPDATING") >= 20
        assert browser.get(FLAG).headers["Content-Encoding"] == "gzip"
        assert error_of(browser.get(f"{FLAG}-none")) == (404, "CAMPAIGN_NOT_FOUND")


def test_the_wall_follows_through_an_upgrade(whole: Whole) -> None:
    url = f"wss://localhost:{whole.nginx.port}/live/campaigns/salute-the-flag"

    async def follow() -> tuple[dict[str, object], dict[str, object]]:
        context: ssl.SSLContext = whole.nginx.context
        async with websockets.asyncio.client.connect(url, ssl=context, origin=whole.nginx.url, proxy=None, open_timeout=20) as socket:  # type: ignore[arg-type]
            first = json.loads(await asyncio.wait_for(socket.recv(), 20))
            with client(whole.nginx) as browser:
                await asyncio.to_thread(browser.post, SALUTE, json=BODY, headers={"Authorization": f"Bearer {whole.citizen()}"})
            while (then := json.loads(await asyncio.wait_for(socket.recv(), 30))).get("participants") is None:
                pass
            return first, then

    first, then = asyncio.run(follow())
    assert first["type"] == "snapshot" and then["type"] == "delta"
    assert int(str(then["participants"])) == int(str(first["participants"])) + 1
    with client(whole.nginx) as browser:
        assert error_of(browser.get("/live/campaigns/salute-the-flag")) == (400, "UPGRADE_REQUIRED")


def test_details_are_for_whoever_asks_a_process_itself(whole: Whole) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{whole.product.web}/readyz", timeout=5) as answer:
        assert "stores" in json.load(answer)
    for address in ("", "127.0.0.1", "198.51.100.9"):
        with client(whole.nginx, address=address) as browser:
            assert browser.get("/readyz").json() == {"status": "ready"}
            assert error_of(browser.get("/metrics")) == (404, "NOT_FOUND")
            assert browser.get("/healthz").json() == {"status": "alive"}


def test_the_platform_s_messages_are_answered(whole: Whole) -> None:
    """The simulated platform asks the product itself; through nginx goes the check of a URL, with a wrong signature."""
    with client(whole.nginx) as browser, client(whole.nginx, plain=True) as plain:
        for one in (browser, plain):
            answer = one.get("/wechat/official?signature=wrong&timestamp=1&nonce=2&echostr=3")
            assert answer.status_code == 403 and answer.json()["error"]["request_id"] == answer.headers["X-Request-Id"]
        assert browser.get("/MP_verify_none.txt").status_code == 404


def test_an_editor_signs_in_and_uploads_a_film_piece_by_piece(whole: Whole) -> None:
    tus, length = {"Tus-Resumable": "1.0.0"}, 7 << 20
    described = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in
                         (("filename", "升旗.mp4"), ("filetype", "video/mp4")))
    with client(whole.nginx, address="198.51.100.5") as browser:
        entered = browser.post("/api/v1/staff/session", json={"name": "bianji", "password": password_of(whole, "bianji")})
        assert entered.status_code == 200 and "secure" in entered.headers["Set-Cookie"].lower()
        signed = {**tus, "X-CSRF-Token": entered.json()["csrf"], "Cookie": entered.headers["Set-Cookie"].partition(";")[0]}
        # Where she is signed in says her own network, not nginx's.
        assert "198.51.100.0/24" in browser.get("/api/v1/staff/me/sessions", headers=signed).text
        begun = browser.post("/api/v1/staff/media/uploads", headers={**signed, "Upload-Length": str(length), "Upload-Metadata": described})
        assert begun.status_code == 201
        sent = browser.patch(begun.headers["Location"], content=b"x" * length, headers={
            **signed, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
        assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, str(length))
        assert browser.delete(begun.headers["Location"], headers=signed).status_code == 204


def test_pages_and_what_they_load(whole: Whole) -> None:
    with client(whole.nginx) as browser:
        for path in ("/", "/c/salute-the-flag", "/screen/salute-the-flag", "/console", "/docs", "/c/none"):
            page = browser.get(path, headers=HTML)
            assert page.headers["Content-Type"].lower() == "text/html; charset=utf-8"
            for name in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Strict-Transport-Security",
                         "X-Request-Id"):
                assert len(page.headers.get_list(name)) == 1, (path, name)
        page = browser.get("/c/salute-the-flag")
        loaded = re.findall(r'"(/static/assets/[^"]+\.(?:js|css))"', page.text)
        assert loaded
        for name in loaded:
            file = browser.get(name)
            assert (file.status_code, file.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
            assert whole.nginx.line_of(file.headers["X-Request-Id"])["upstream"] == ""  # from the disk
            if (Path("assets/h5") / f"{name.removeprefix('/static/')}.gz").exists():
                assert file.headers["Content-Encoding"] == "gzip"


def test_when_the_product_is_killed_people_are_told_and_come_back(whole: Whole) -> None:
    """The last test of this file: it ends the product, and starts it again."""
    token = {"Authorization": f"Bearer {whole.citizen()}"}
    whole.product.kill()
    with client(whole.nginx) as browser:
        page = browser.get("/c/salute-the-flag", headers=HTML)
        assert page.status_code == 503 and "暂时没有打开" in page.text and page.headers["Retry-After"]
        assert error_of(browser.post(SALUTE, json=BODY, headers=token)) == (503, "BUSY")
        assert browser.get("/static/flag.svg").status_code == 200
        whole.product.start()
        until = time.monotonic() + 60
        while (answer := browser.post(SALUTE, json=BODY, headers=token)).status_code == 503:
            assert time.monotonic() < until, answer.text
            time.sleep(0.2)
        assert answer.status_code == 201

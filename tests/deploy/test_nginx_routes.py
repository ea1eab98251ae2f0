"""Which request goes where, under which host, and what the product is told of it."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import httpx
import pytest

from tests.deploy.conftest import CURRENT, OLD, SCRIPT, Front
from tests.deploy.front import Answer, client, error_of, eventually, raw
from tests.deploy.nginx import PROGRAM, Nginx

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="nginx is not installed"), pytest.mark.timeout(240)]
SALUTE = "/api/v1/campaigns/flag/participations"
TOKEN = "A" * 16 + "B" * 16


class TestTls:
    def test_browsers_get_http_2_and_old_programs_http_1(self, front: Front) -> None:
        for http2, wanted in ((True, "HTTP/2"), (False, "HTTP/1.1")):
            with client(front.nginx, http2=http2) as browser:
                assert browser.get("/c/flag").http_version == wanted

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_what_phones_speak_is_spoken(self, front: Front, version: ssl.TLSVersion) -> None:
        context = front.nginx.context
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", front.nginx.port), 10) as plain, \
                context.wrap_socket(plain, server_hostname=CURRENT) as connection:
            assert connection.version() in ("TLSv1.2", "TLSv1.3")

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_what_is_broken_is_not(self, front: Front) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", front.nginx.port), 10) as plain, pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            context.wrap_socket(plain)

    def test_http_leads_to_https(self, front: Front) -> None:
        with client(front.nginx, plain=True) as browser:
            answer = browser.get("/c/flag?ch=poster")
            assert (answer.status_code, answer.headers["Location"]) == (301, f"https://{CURRENT}:{front.nginx.port}/c/flag?ch=poster")
            assert error_of(browser.post(SALUTE, content=b"{}")) == (403, "HTTPS_REQUIRED")
        assert not any(one.asked for one in front.all)

    def test_callbacks_verification_texts_and_challenges_are_served_without_tls_too(self, front: Front) -> None:
        (front.nginx.folder / "challenge/.well-known/acme-challenge").mkdir(parents=True, exist_ok=True)
        (front.nginx.folder / "challenge/.well-known/acme-challenge/abc").write_text("proof")
        with client(front.nginx, plain=True) as browser:
            assert browser.post("/wechat/official?signature=1", content=b"<xml/>").headers["X-By"].startswith("intake")
            assert browser.get("/MP_verify_abc.txt").headers["X-By"].startswith("web")
            assert browser.get("/.well-known/acme-challenge/abc").text == "proof"


class TestHosts:
    @pytest.mark.parametrize("path", ["/", "/c/flag?ch=menu", "/c/flag/wall", "/class/flag", "/teacher/flag?u=1", "/screen/flag",
                                      "/console", "/console/campaigns", "/docs", f"/k/{'x' * 43}", f"/review/{'x' * 43}"])
    def test_pages_of_another_host_lead_to_the_current_one(self, front: Front, path: str) -> None:
        with client(front.nginx, OLD) as browser:
            answer = browser.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"https://{CURRENT}:{front.nginx.port}{path}")
        assert not any(one.asked for one in front.all)

    @pytest.mark.parametrize(("method", "path", "by"), [
        ("POST", "/wechat/official", "intake"), ("GET", "/wechat/official/wx123", "intake"), ("GET", "/MP_verify_abc.txt", "web"),
        ("GET", "/s/a1B2", "web"), ("GET", "/auth/official/callback?code=1&state=2", "web"), ("POST", SALUTE, "intake"),
        ("POST", "/teacher/flag", "web"), ("POST", "/c/flag/report/message/1", "web"), ("GET", "/api/v1/campaigns/flag", "web"),
        ("POST", "/console", "web"), ("GET", "/live/campaigns/flag", "live"), ("GET", "/media/a.jpg", "web")])
    def test_what_cannot_be_led_elsewhere_is_served_under_every_host(self, front: Front, method: str, path: str, by: str) -> None:
        for host in (OLD, CURRENT):
            with client(front.nginx, host) as browser:
                answer = browser.request(method, path)
            assert answer.status_code == 200 and answer.headers["X-By"].startswith(by)

    def test_static_files_of_a_page_that_is_open_stay_there(self, front: Front) -> None:
        with client(front.nginx, OLD) as browser:
            assert browser.get("/static/flag.svg").text == "<svg/>"

    def test_an_unknown_host_is_refused(self, front: Front) -> None:
        with client(front.nginx, "evil.example.com") as browser:
            assert error_of(browser.get("/c/flag")) == (421, "UNKNOWN_HOST")
            assert error_of(browser.post("/wechat/official")) == (421, "UNKNOWN_HOST")
        with client(front.nginx, "evil.example.com", plain=True) as browser, pytest.raises(httpx.TransportError):
            browser.get("/")
        assert not any(one.asked for one in front.all)

    def test_a_host_cannot_be_smuggled_past_the_list(self, front: Front) -> None:
        """The request line names us, the field somebody else: the product hears of the line's alone."""
        with raw(front.nginx) as connection:
            connection.sendall(f"GET https://{CURRENT}/c/flag HTTP/1.1\r\nHost: evil.example.com:1\r\nConnection: close\r\n\r\n".encode())
            while connection.recv(4096):
                pass
        told = [one for recorder in front.web for one in recorder.asked]
        assert [one.one("Host") for one in told] == [f"{CURRENT}:1"]


class TestWays:
    @pytest.mark.parametrize(("method", "path", "by"), [
        ("POST", SALUTE, "intake"), ("OPTIONS", SALUTE, "intake"), ("GET", f"{SALUTE}/me", "web"), ("POST", "/wechat/official", "intake"),
        ("POST", "/wechat/miniprogram/wx1", "intake"), ("GET", "/live/campaigns/flag", "live"), ("GET", "/c/flag", "web"),
        ("GET", "/api/v1/campaigns/flag/counters", "web"), ("POST", "/api/v1/staff/session", "web"), ("GET", "/healthz", "web"),
        ("PATCH", f"/api/v1/staff/media/uploads/{'a' * 32}", "web"), ("POST", "/api/v1/staff/accounts/wx1/materials?kind=image", "web")])
    def test_each_request_reaches_its_role(self, front: Front, method: str, path: str, by: str) -> None:
        with client(front.nginx) as browser:
            answer = browser.request(method, path)
        assert answer.status_code == 200 and answer.headers["X-By"].startswith(by)

    def test_metrics_are_nobody_s_outside(self, front: Front) -> None:
        with client(front.nginx) as browser:
            for path in ("/metrics", "/metrics/targets", "/metrics?x=1", "/%6Detrics"):
                assert error_of(browser.get(path)) == (404, "NOT_FOUND")
        assert not any(one.asked for one in front.all)

    def test_connections_to_the_product_are_kept(self, front: Front) -> None:
        before = sum(one.connections for one in front.intake)
        with client(front.nginx) as browser:
            for _ in range(60):
                assert browser.post("/wechat/official", content=b"<xml/>").status_code == 200
        # One for each worker of nginx and each process at most, since requests come one after the other.
        assert sum(one.connections for one in front.intake) - before <= 2 * len(front.nginx.workers())


class TestStatic:
    def test_built_files_are_sent_packed_as_they_lie_there_and_kept_for_good(self, front: Front) -> None:
        with client(front.nginx) as browser:
            answer = browser.get("/static/assets/main-abc123.js", headers={"Accept-Encoding": "gzip"})
            assert answer.content == SCRIPT + b"// packed" and answer.headers["Content-Encoding"] == "gzip"
            plain = browser.get("/static/assets/main-abc123.js", headers={"Accept-Encoding": "identity"})
            again = browser.get("/static/assets/main-abc123.js", headers={"Accept-Encoding": "identity",
                                                                          "If-None-Match": plain.headers["ETag"]})
        assert plain.content == SCRIPT and "Content-Encoding" not in plain.headers and again.status_code == 304
        for one in (answer, plain):
            assert one.headers["Cache-Control"] == "public, max-age=31536000, immutable" and one.headers["Vary"] == "Accept-Encoding"
            assert one.headers["Content-Type"].startswith("text/javascript") and one.headers["Access-Control-Allow-Origin"] == "*"
            assert one.headers["X-Content-Type-Options"] == "nosniff"
        assert not any(one.asked for one in front.all)

    @pytest.mark.parametrize(("path", "body"), [
        ("/static/flag.svg", "<svg/>"), ("/static/share/salute.jpg", "jpg"), ("/static/noscript.css", "p{}")])
    def test_other_files_are_asked_for_again_after_an_hour(self, front: Front, path: str, body: str) -> None:
        with client(front.nginx) as browser:
            answer = browser.get(path)
        assert (answer.text, answer.headers["Cache-Control"]) == (body, "public, max-age=3600")

    def test_what_is_not_there_the_product_is_asked_for(self, front: Front) -> None:
        """An asset of the release before, of a page that is still open."""
        front.web[0].answers["/static/assets/old-1.js"] = front.web[1].answers["/static/assets/old-1.js"] = Answer(
            body=b"old", headers={"Cache-Control": "public, max-age=31536000, immutable"})
        with client(front.nginx) as browser:
            answer = browser.get("/static/assets/old-1.js")
        assert (answer.status_code, answer.text) == (200, "old")
        assert answer.headers.get_list("Cache-Control") == ["public, max-age=31536000, immutable"]

    @pytest.mark.parametrize("path", ["/static/../flag.svg", "/static/assets/..%2f..%2f..%2fetc/passwd", "/static/assets../campaign.html",
                                      "/static/share/../words/secret.txt", "/static/%2e%2e/%2e%2e/etc/passwd"])
    def test_nothing_beside_the_folders_is_given_away(self, front: Front, path: str) -> None:
        (front.nginx.folder.parent / "assets/words").mkdir(exist_ok=True)
        (front.nginx.folder.parent / "assets/words/secret.txt").write_text("secret")
        with raw(front.nginx) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {CURRENT}\r\nConnection: close\r\n\r\n".encode())
            told = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b"root:" not in told and b"secret" not in told
        assert b"X-By: web" in told or b" 400 " in told.partition(b"\r\n")[0]  # not on the disk, or no address at all


class TestTold:
    def test_the_address_is_the_connection_s_or_a_trusted_proxy_s(self, front: Front, tmp_path: Path) -> None:
        with client(front.nginx, address="198.51.100.7") as browser:
            browser.get("/c/flag")
        assert [one.one("X-Forwarded-For") for recorder in front.web for one in recorder.asked] == ["198.51.100.7"]
        for one in front.web:
            one.forget()
        with client(front.nginx, address="6.6.6.6, 198.51.100.8, 127.0.0.1") as browser:  # the left end is the client's own invention
            browser.get("/c/flag", headers={"X-Real-IP": "6.6.6.6", "Forwarded": "for=6.6.6.6"})
        (told,) = [one for recorder in front.web for one in recorder.asked]
        assert (told.one("X-Forwarded-For"), told.one("X-Real-IP"), told.one("Forwarded")) == ("198.51.100.8", None, None)
        assert told.one("X-Forwarded-Proto") == "https"

    def test_without_a_trusted_proxy_nobody_names_an_address(self, front: Front, tmp_path: Path) -> None:
        with Nginx(tmp_path / "direct", web=[front.web[0].port], intake=[front.intake[0].port]) as nginx, \
                client(nginx, address="198.51.100.7") as browser:
            answer = browser.get("/c/flag")
            assert front.web[0].last().one("X-Forwarded-For") == "127.0.0.1"
            assert nginx.line_of(answer.headers["X-Request-Id"])["address"] == "127.0.0.1"

    def test_a_request_has_one_name_everywhere(self, front: Front) -> None:
        for recorder in front.all:
            recorder.answers["/c/flag"] = Answer(headers={"X-Request-Id": "the-product-s-own"})
        with client(front.nginx) as browser:
            for method, path in (("GET", "/c/flag"), ("POST", SALUTE)):
                answer = browser.request(method, path, headers={"X-Request-Id": "0000000000000000"})
                (name,) = answer.headers.get_list("X-Request-Id")
                (told,) = [one.one("X-Request-Id") for recorder in front.all for one in recorder.asked if one.path == path]
                assert name == told and re.fullmatch(r"[0-9a-f]{32}", name) and name != "0" * 16
                line = front.nginx.line_of(name)
                assert (line["path"], line["method"], line["status"]) == (path, method, "200")

    def test_the_host_is_told_with_the_port_that_was_asked(self, front: Front) -> None:
        with client(front.nginx) as browser:
            browser.get("/c/flag")
        assert [one.one("Host") for recorder in front.web for one in recorder.asked] == [f"{CURRENT}:{front.nginx.port}"]

    def test_details_of_readiness_are_asked_for_by_nobody(self, front: Front) -> None:
        """The product shows them to no one who comes through a proxy that does not name him."""
        with client(front.nginx, address="127.0.0.1") as browser:
            browser.get("/readyz")
        (told,) = [one for recorder in front.web for one in recorder.asked]
        assert told.one("X-Forwarded-For") is None and told.one("X-Real-IP")

    def test_own_headers_come_once(self, front: Front) -> None:
        with client(front.nginx) as browser:
            answers = [browser.get("/c/flag"), browser.post(SALUTE), browser.get("/static/flag.svg"), browser.get("/metrics"),
                       browser.get("/api/v1/campaigns/flag"), browser.get("/static/assets/none.js")]
        for answer in answers:
            for name in ("Strict-Transport-Security", "Permissions-Policy", "X-Content-Type-Options", "X-Request-Id"):
                assert len(answer.headers.get_list(name)) == 1, (answer.url, name)
            assert answer.headers["Server"] == "nginx"


def test_a_change_of_processes_holds_after_a_reload(front: Front, tmp_path: Path) -> None:
    """What a place writes into upstreams.conf holds after a reload."""
    def by() -> str:
        """Who answers whoever comes now. By HTTP/1.1: an old worker that took a last connection says by HTTP/2 that another one is to be
        opened, at which this client gives up where browsers do not."""
        with client(nginx, http2=False) as browser:
            return browser.get("/c/flag").headers["X-By"]

    with Nginx(tmp_path / "changing", web=[front.web[0].port], intake=[front.intake[0].port]) as nginx:
        assert by() == "web1"
        nginx.upstreams["web"] = [front.web[1].port]
        nginx.write_upstreams()
        nginx.reload()
        eventually(lambda: by() == "web2", "the other process")

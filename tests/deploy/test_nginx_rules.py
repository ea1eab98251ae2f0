"""What nginx keeps, repeats, bounds and holds off, and what it does while the product is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.deploy.conftest import CURRENT, OLD, Front
from tests.deploy.front import Answer, client, error_of, eventually, raw
from tests.deploy.nginx import PROGRAM, Nginx

pytestmark = [pytest.mark.skipif(not PROGRAM, reason="nginx is not installed"), pytest.mark.timeout(240)]
FLAG = "/api/v1/campaigns/flag"
SALUTE = f"{FLAG}/participations"
KEPT = {"Cache-Control": "public, max-age=1, stale-while-revalidate=2, stale-if-error=10"}
HTML = {"Accept": "text/html,application/xhtml+xml"}


def token(number: int) -> str:
    """The form of a token; the end is its MAC, by which a citizen is known to nginx."""
    return f"{'A' * 16}{number:016d}"


def told(front: Front, path: str, **answer: object) -> None:
    """What every process answers at a path."""
    for one in front.all:
        one.answers[path] = Answer(**answer)  # type: ignore[arg-type]


class TestKept:
    """Each test has an address of its own, since nginx keeps answers from one to the next."""

    @pytest.mark.parametrize("path", ["/api/v1/campaigns/one", "/api/v1/campaigns/one/counters", "/api/v1/campaigns/one/units"])
    def test_a_crowd_is_one_request(self, front: Front, path: str) -> None:
        told(front, path, headers=KEPT, before=lambda: time.sleep(0.2))
        with client(front.nginx, http2=False) as browser, ThreadPoolExecutor(20) as crowd:
            answers = list(crowd.map(lambda _: browser.get(path), range(60)))
        assert {answer.status_code for answer in answers} == {200}
        # At once they wait for one answer; a second later one more may have been asked for.
        assert front.asked(front.web, path) <= 3

    def test_nobody_is_known_where_answers_are_kept(self, front: Front) -> None:
        told(front, "/api/v1/campaigns/two", headers=KEPT)
        with client(front.nginx) as browser:
            browser.get("/api/v1/campaigns/two", headers={"Cookie": f"wenming_citizen={token(1)}", "Authorization": f"Bearer {token(2)}"})
        (asked,) = [one for recorder in front.web for one in recorder.asked]
        assert asked.one("Cookie") is None and asked.one("Authorization") is None

    @pytest.mark.parametrize("headers", [
        {"Cache-Control": "no-store"}, {"Cache-Control": "private, max-age=60"}, {"Cache-Control": "no-cache"}, {},
        {**KEPT, "Set-Cookie": "wenming_citizen=x"}])
    def test_the_product_s_word_is_kept(self, front: Front, headers: dict[str, str]) -> None:
        path = "/api/v1/campaigns/three"
        told(front, path, headers=headers)
        with client(front.nginx) as browser:
            for _ in range(3):
                browser.get(path)
        assert front.asked(front.web, path) == 3

    @pytest.mark.parametrize("path", ["/c/four", "/api/v1/campaigns/four/participations/me", "/api/v1/campaigns/four/messages",
                                      "/wechat/official", "/auth/official", "/api/v1/staff/me", "/api/v1/campaigns/four/vote"])
    def test_whatever_may_be_somebody_s_own_is_kept_for_nobody(self, front: Front, path: str) -> None:
        told(front, path, headers={"Cache-Control": "public, max-age=3600"})
        with client(front.nginx) as browser:
            for number in range(3):
                browser.get(path, headers={"Cookie": f"wenming_citizen={token(number)}"})
        assert front.asked(front.all, path) == 3

    def test_refusals_are_not_kept(self, front: Front) -> None:
        told(front, "/api/v1/campaigns/none", status=404, headers={})
        with client(front.nginx) as browser:
            assert [browser.get("/api/v1/campaigns/none").status_code for _ in range(3)] == [404] * 3
        assert front.asked(front.web, "/api/v1/campaigns/none") == 3

    def test_another_question_is_another_answer(self, front: Front) -> None:
        told(front, "/api/v1/campaigns/five/counters", headers=KEPT)
        queries = ["", "?period=all", "?period=20261001", "?period=20261001&period=all"]
        with client(front.nginx) as browser:
            for query in queries:
                browser.get(f"/api/v1/campaigns/five/counters{query}")
        assert {one.path.partition("?")[2] for recorder in front.web for one in recorder.asked} == {query[1:] for query in queries}

    def test_a_body_is_no_part_of_a_question(self, front: Front) -> None:
        """The product is not told of it: what it asked for would be kept for everybody who asks without one."""
        path = "/api/v1/campaigns/eight/counters"
        told(front, path, headers=KEPT)
        with client(front.nginx) as browser:
            browser.request("GET", path, content=b"period=20261001", headers={"Content-Type": "application/x-www-form-urlencoded"})
        (asked,) = [one for recorder in front.web for one in recorder.asked]
        assert (asked.body, asked.one("Content-Length")) == (b"", None)

    def test_while_the_next_is_asked_for_the_last_is_shown(self, front: Front) -> None:
        path, go = "/api/v1/campaigns/six", threading.Event()
        told(front, path, headers=KEPT, body=b"1")
        with client(front.nginx) as browser:
            assert browser.get(path).text == "1"
            told(front, path, headers=KEPT, body=b"2", before=lambda: go.wait(20) and None)
            seen: list[str] = []

            def looked() -> bool:
                seen.append(browser.get(path).text)
                return len([one for recorder in front.web for one in recorder.begun]) > 1

            eventually(looked, "the second question")
            # It is under way and has no answer: whoever asks now is shown the first one and waits for nobody.
            assert browser.get(path).text == "1" and set(seen) == {"1"}
            go.set()
            eventually(lambda: browser.get(path).text == "2", "the second answer")

    def test_what_was_kept_helps_over_a_restart(self, front: Front) -> None:
        path = "/api/v1/campaigns/seven"
        told(front, path, headers=KEPT, body=b"1")
        with client(front.nginx) as browser:
            browser.get(path)
            told(front, path, hangs_up=True)
            eventually(lambda: browser.get(path).text == "1" and front.asked(front.web, path) > 2, "a failure behind a kept answer")


class TestRepeats:
    def hanging_up(self, front: Front, path: str) -> None:
        told(front, path, hangs_up=True)

    def test_a_salute_that_one_process_did_not_answer_goes_to_the_other(self, front: Front) -> None:
        front.intake[0].answers[SALUTE] = Answer(hangs_up=True)
        with client(front.nginx) as browser:
            # Whoever comes first: processes are asked in turns, so that two requests meet both.
            answers = [browser.post(SALUTE, json={"activity": "salute"}) for _ in range(4)]
        assert {(answer.status_code, answer.headers["X-By"]) for answer in answers} == {(200, "intake2")}
        (body,) = {one.body for recorder in front.intake for one in recorder.asked}
        assert front.intake[0].asked and body == answers[0].request.content

    def test_a_salute_that_nobody_answers_is_asked_of_two_and_refused_with_a_time_to_come_again(self, front: Front) -> None:
        self.hanging_up(front, SALUTE)
        with client(front.nginx) as browser:
            answer = browser.post(SALUTE, json={})
        assert error_of(answer) == (503, "BUSY") and int(answer.headers["Retry-After"]) > 0
        assert front.asked(front.intake, SALUTE) == 2

    def test_a_busy_process_is_believed(self, front: Front) -> None:
        told(front, SALUTE, status=503, body=b'{"error":"ours"}', headers={"Retry-After": "7"})
        with client(front.nginx) as browser:
            answer = browser.post(SALUTE, json={})
        assert (answer.status_code, answer.headers["Retry-After"], answer.text) == (503, "7", '{"error":"ours"}')
        assert front.asked(front.intake, SALUTE) == 1

    @pytest.mark.parametrize(("method", "path"), [
        ("POST", f"{FLAG}/messages"), ("POST", f"{FLAG}/ballots"), ("POST", "/api/v1/staff/campaigns/flag/voids"),
        ("POST", "/wechat/official"),
        ("POST", "/teacher/flag"), ("POST", "/api/v1/session/miniprogram"), ("PATCH", f"/api/v1/staff/media/uploads/{'a' * 32}"),
        ("POST", f"{FLAG}/photos"), ("POST", "/api/v1/staff/accounts/wx1/materials"), ("POST", "/api/v1/staff/session")])
    def test_nothing_else_that_was_sent_is_sent_again(self, front: Front, method: str, path: str) -> None:
        self.hanging_up(front, path)
        with client(front.nginx) as browser:
            assert error_of(browser.request(method, path, content=b"{}")) == (503, "BUSY")
        assert front.asked(front.all, path) == 1

    def test_reading_is_asked_of_another(self, front: Front) -> None:
        path = f"{SALUTE}/me"
        self.hanging_up(front, path)
        with client(front.nginx) as browser:
            assert browser.get(path).status_code == 503
        assert front.asked(front.web, path) == 2

    def test_where_nobody_listens_anything_goes_to_who_does(self, front: Front, tmp_path: Path, unused_port: int) -> None:
        with Nginx(tmp_path / "half", web=[unused_port, front.web[0].port], intake=[unused_port, front.intake[0].port]) as nginx, \
                client(nginx) as browser:
            for path in (f"{FLAG}/messages", "/wechat/official", SALUTE):
                assert [browser.post(path, content=b"{}").status_code for _ in range(6)] == [200] * 6


@pytest.fixture
def unused_port() -> int:
    from server.embedded import free_port

    return free_port()


class TestBodies:
    @pytest.mark.parametrize(("method", "path", "most"), [
        ("POST", SALUTE, 8 << 10), ("POST", "/wechat/official", 16 << 10), ("POST", f"{FLAG}/photos", 5 << 20),
        ("POST", "/api/v1/staff/campaigns/flag/places", 5 << 20)])
    def test_bounds_are_the_product_s(self, front: Front, method: str, path: str, most: int) -> None:
        with client(front.nginx, http2=False) as browser:
            assert browser.request(method, path, content=b"x" * most).status_code == 200
            assert error_of(browser.request(method, path, content=b"x" * (most + 1))) == (413, "BODY_TOO_LARGE")
        assert [len(one.body) for recorder in front.all for one in recorder.asked] == [most]

    def test_a_request_is_handed_on_when_it_is_whole_and_an_upload_as_it_comes(self, front: Front) -> None:
        upload = f"/api/v1/staff/media/uploads/{'a' * 32}"
        with raw(front.nginx) as slow, raw(front.nginx) as film:
            for connection, method, path in ((slow, "POST", f"{FLAG}/messages"), (film, "PATCH", upload)):
                connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {CURRENT}\r\nContent-Length: 100000\r\n\r\n".encode() + b"x" * 70000)
            begun = [*front.web]
            eventually(lambda: any(upload in one.begun for one in begun), "the upload")
            film.sendall(b"x" * 30000)
            assert b" 200 " in film.recv(4096).partition(b"\r\n")[0]
            assert not any(f"{FLAG}/messages" in one.begun for one in begun)
            slow.sendall(b"x" * 30000)
            assert b" 200 " in slow.recv(4096).partition(b"\r\n")[0]

    def test_an_upload_larger_than_any_other_body_passes(self, front: Front) -> None:
        with client(front.nginx) as browser:
            assert browser.patch(f"/api/v1/staff/media/uploads/{'a' * 32}", content=b"x" * (6 << 20)).status_code == 200
        assert sum(len(one.body) for recorder in front.web for one in recorder.asked) == 6 << 20


class TestSlowClients:
    def test_who_sends_no_whole_head_is_cut_and_holds_up_nobody(self, front: Front) -> None:
        with raw(front.nginx) as slow, client(front.nginx) as browser:
            slow.sendall(f"POST {SALUTE} HTTP/1.1\r\nHost: {CURRENT}\r\n".encode())
            assert browser.get("/c/flag").status_code == 200
            slow.settimeout(60)
            assert slow.recv(4096) == b""  # closed without an answer
        assert not any(one.asked for one in front.intake)

    def test_who_sends_no_whole_body_is_cut_and_costs_the_product_nothing(self, front: Front) -> None:
        with raw(front.nginx) as slow:
            slow.sendall(f"POST {SALUTE} HTTP/1.1\r\nHost: {CURRENT}\r\nContent-Length: 50\r\n\r\n{{".encode())
            slow.settimeout(60)
            while slow.recv(4096):  # ends with the connection, or this test does
                pass
        assert not any(one.begun for one in front.intake)


# The committed burst is for a school of thousands; so it is for twenty, and hardly comes back.
FOR_TWENTY = {"secure.conf": [("zone=address burst=20000 nodelay", "zone=address burst=20 nodelay")],
              "place/limits.conf": [("zone=address:32m rate=1000r/s", "zone=address:32m rate=1r/m")]}


class TestLimits:
    def strict(self, front: Front, folder: Path, changes: dict[str, list[tuple[str, str]]]) -> Nginx:
        return Nginx(folder / "strict", web=[front.web[0].port], intake=[front.intake[0].port], fronts=["127.0.0.1"], changes=changes)

    def held_off(self, ask: Callable[[], httpx.Response], times: int) -> list[httpx.Response]:
        """Refusals among so many requests at once; each says when to come again, in our shape."""
        refused = [answer for answer in (ask() for _ in range(times)) if answer.status_code == 429]
        for answer in refused:
            assert error_of(answer) == (429, "TOO_MANY_REQUESTS") and int(answer.headers["Retry-After"]) > 0
        return refused

    def test_one_citizen_is_held_off_and_not_her_neighbour_at_the_same_address(self, front: Front) -> None:
        with client(front.nginx, address="203.0.113.1") as school:
            for headers in ({"Authorization": f"Bearer {token(11)}"}, {"Cookie": f"a=b; wenming_citizen={token(12)}"}):
                assert self.held_off(lambda headers=headers: school.post(SALUTE, headers=headers), 80)
            assert school.post(SALUTE, headers={"Authorization": f"Bearer {token(13)}"}).status_code == 200

    def test_another_head_of_the_same_token_is_the_same_citizen(self, front: Front, tmp_path: Path) -> None:
        """Bearer wins over the cookie, as in the product; its letters do not matter."""
        slower = {"place/limits.conf": [("zone=citizen:64m rate=10r/s", "zone=citizen:64m rate=1r/m")]}
        with self.strict(front, tmp_path, slower) as nginx, client(nginx, address="203.0.113.2") as browser:
            assert [browser.post(SALUTE, headers={"Authorization": f"Bearer {token(14)}"}).status_code for _ in range(31)] == [200] * 31
            for headers, status in (({"Authorization": f"bearer {token(14)}", "Cookie": f"wenming_citizen={token(15)}"}, 429),
                                    ({"Cookie": f"wenming_citizen={token(14)}"}, 429), ({"Cookie": f"wenming_citizen={token(15)}"}, 200),
                                    ({"Authorization": "Bearer nonsense", "Cookie": f"wenming_citizen={token(14)}"}, 200)):
                assert browser.post(SALUTE, headers=headers).status_code == status

    def test_one_address_is_held_off_in_the_end_and_others_are_not(self, front: Front, tmp_path: Path) -> None:
        with self.strict(front, tmp_path, FOR_TWENTY) as nginx:
            with client(nginx, address="203.0.113.3") as browser:
                assert len(self.held_off(lambda: browser.post(SALUTE), 40)) >= 15
                page = browser.get("/c/flag", headers=HTML)
                assert page.status_code == 429 and "人很多" in page.text and page.headers["Content-Type"].startswith("text/html")
                assert page.headers["Retry-After"] and "default-src 'none'" in page.headers["Content-Security-Policy"]
                # Never: what the platform asks, files, probes, and what is kept for everybody.
                for _ in range(30):
                    for method, path in (("POST", "/wechat/official"), ("GET", "/static/flag.svg"), ("GET", "/healthz"), ("GET", FLAG),
                                         ("GET", "/MP_verify_a.txt")):
                        assert browser.request(method, path).status_code == 200
            for other in ("203.0.113.4", "2001:db8:1:2::1"):
                with client(nginx, address=other) as browser:
                    assert browser.post(SALUTE).status_code == 200

    def test_addresses_of_one_line_are_one(self, front: Front, tmp_path: Path) -> None:
        """A home has 2^64 addresses of IPv6."""
        def status(address: str) -> int:
            return browser.post(SALUTE, headers={"X-Forwarded-For": address}).status_code

        with self.strict(front, tmp_path, FOR_TWENTY) as nginx, client(nginx) as browser:
            for long, other in ((lambda n: f"2001:db8:9:9:{n}:{n}:{n}:{n}", "2001:db8:9:8:1:1:1:1"),
                                (lambda n: f"2001:db8::{n}", "2001:db9::1"), (lambda n: f"::ffff:198.51.100.{n}", "")):
                statuses = [status(long(n)) for n in range(1, 30)]
                assert (429 in statuses) == bool(other)  # addresses of IPv4 in the form of IPv6 are many
                assert not other or status(other) == 200

    @pytest.mark.parametrize("path", ["/api/v1/staff/session", "/api/v1/staff/session/second-factor", "/teacher/flag"])
    def test_guessing_is_slow_and_looking_is_not(self, front: Front, path: str) -> None:
        address = f"203.0.113.{100 + len(path)}"
        with client(front.nginx, address=address) as browser:
            assert self.held_off(lambda: browser.post(path, content=b"{}"), 90)
            assert browser.get(path).status_code == 200

    def test_a_page_full_of_pictures_is_no_flood(self, front: Front) -> None:
        """Thirty photos of a wall, or a picture of each candidate, are asked for at once."""
        with client(front.nginx, address="203.0.113.5") as browser:
            for path in (f"/photos/{'a' * 32}-tile.jpg", f"/media/{'a' * 32}.jpg"):
                assert not self.held_off(lambda path=path: browser.get(path, headers={"Cookie": f"wenming_citizen={token(16)}"}), 80)

    def test_this_machine_is_not_held_off(self, front: Front) -> None:
        with client(front.nginx) as browser:
            assert not self.held_off(lambda: browser.post("/api/v1/staff/session", content=b"{}"), 90)


class TestAway:
    def test_the_file_closes_what_citizens_use(self, front: Front) -> None:
        front.nginx.maintenance_file.touch()
        with client(front.nginx) as browser:
            for method, path in (("POST", SALUTE), ("GET", FLAG), ("GET", f"{FLAG}/counters"), ("POST", f"{FLAG}/messages"),
                                 ("GET", "/live/campaigns/flag"), ("GET", "/s/a1")):
                answer = browser.request(method, path)
                assert error_of(answer) == (503, "MAINTENANCE") and int(answer.headers["Retry-After"]) > 0
                assert answer.headers["Cache-Control"] == "no-store"
            page = browser.get("/c/flag", headers=HTML)
            assert page.status_code == 503 and "系统维护中" in page.text and '<img src="/static/flag.svg"' in page.text
            assert "<script" not in page.text and "<!--#" not in page.text
            assert browser.get("/static/flag.svg").status_code == 200
            assert not any(one.asked for one in front.all)
            front.nginx.maintenance_file.unlink()
            assert browser.get("/c/flag", headers=HTML).status_code == 200

    def test_a_form_gets_the_page_too(self, front: Front) -> None:
        front.nginx.maintenance_file.touch()
        with client(front.nginx) as browser:
            answer = browser.post("/c/flag/report/message/1", headers=HTML, data={"reason": "x"})
        assert answer.status_code == 503 and "系统维护中" in answer.text

    def test_staff_callbacks_and_probes_stay_open(self, front: Front) -> None:
        front.nginx.maintenance_file.touch()
        with client(front.nginx) as browser:
            for method, path in (("POST", "/wechat/official"), ("GET", "/console"), ("POST", "/api/v1/staff/session"), ("GET", "/healthz"),
                                 ("GET", "/MP_verify_a.txt"), ("GET", "/readyz"), ("GET", f"/photo-checks/{'a' * 64}.jpg"),
                                 ("GET", f"/media/{'a' * 32}.jpg")):
                assert browser.request(method, path).status_code == 200

    def test_the_pages_say_who_answers_for_them_and_look_again_at_different_times(self, front: Front, tmp_path: Path) -> None:
        own = {"place/place.conf": [('map "" $organiser {\n    default "";', 'map "" $organiser {\n    default "漳州市 <文明办>";')]}
        with Nginx(tmp_path / "own", web=[front.web[0].port], intake=[front.intake[0].port], changes=own) as nginx, \
                client(nginx) as browser:
            nginx.maintenance_file.touch()
            pages = [browser.get("/c/flag", headers=HTML).text for _ in range(20)]
        assert all("主办单位：漳州市 &lt;文明办&gt;" in page and "联系电话" not in page for page in pages)
        assert len({page.partition('content="')[2].partition('"')[0] for page in pages}) > 1

    def test_a_product_that_is_away_is_said_to_be(self, tmp_path: Path, unused_port: int) -> None:
        with Nginx(tmp_path / "alone", web=[unused_port], intake=[unused_port]) as nginx, client(nginx) as browser:
            page = browser.get("/c/flag", headers=HTML)
            assert page.status_code == 503 and "暂时没有打开" in page.text and int(page.headers["Retry-After"]) > 0
            refused = browser.post(SALUTE)
            assert error_of(browser.get(FLAG)) == (503, "BUSY") and error_of(refused) == (503, "BUSY")
            line = nginx.line_of(refused.headers["X-Request-Id"])
            assert (line["method"], line["path"], line["status"]) == ("POST", SALUTE, "503")
            # The platform asks again by itself, unless we said that we are closed: then it is told that all is well.
            assert error_of(browser.post("/wechat/official", content=b"<xml/>")) == (503, "BUSY")
            nginx.maintenance_file.touch()
            told = browser.post("/wechat/official", content=b"<xml/>")
            assert (told.status_code, told.text) == (200, "success")
            assert browser.get("/wechat/official?echostr=1").status_code == 503


class TestTheLog:
    SECRETS = ("code-secret", "state-secret", "signature-secret", "openid-secret", "preview-secret", "cookie-secret", "bearer-secret",
               "referer-secret", "body-secret", "ticket-secret", "session-secret")

    def test_no_secret_is_in_any_line_of_any_log(self, front: Front, tmp_path: Path, unused_port: int) -> None:
        asked = [("GET", "/auth/official/callback?code=code-secret&state=state-secret"), ("GET", "/c/flag?preview=preview-secret"),
                 ("POST", "/wechat/official?signature=signature-secret&openid=openid-secret"), ("GET", "/k/ticket-secret"),
                 ("GET", "/review/ticket-secret"), ("POST", "/staff-phone/ticket-secret"), ("GET", "/photo-checks/ticket-secret.jpg"),
                 ("GET", "/%6B/ticket-secret"),
                 ("GET", "//k/ticket-secret"), ("POST", SALUTE), ("GET", f"{FLAG}/counters?x=code-secret"),
                 ("GET", "/static/assets/none.js?code-secret"), ("GET", "/static/none/%2e./x?code-secret")]
        headers = {"Cookie": "wenming_citizen=cookie-secret; wenming_staff=session-secret", "Authorization": "Bearer bearer-secret",
                   "Referer": "https://h5.example.cn/c/flag?preview=referer-secret"}
        with Nginx(tmp_path / "alone", web=[unused_port], intake=[unused_port], hosts=(CURRENT, OLD)) as away:
            for nginx in (front.nginx, away):
                names = []
                for host in (CURRENT, OLD):
                    with client(nginx, host) as browser, client(nginx, host, plain=True) as plain:
                        for method, path in asked:
                            answer = browser.request(method, str(browser.base_url) + path, headers=headers, content=b"body-secret")
                            names.append(answer.headers["X-Request-Id"])
                            plain.request(method, str(plain.base_url) + path, headers=headers)
                for name in names:
                    assert nginx.line_of(name)["request"] == name
                written = nginx.logs()
                assert [line for line in written.splitlines() if any(secret in line for secret in self.SECRETS)] == []
                assert '"path":"/auth/official/callback"' in written and '"path":"/k/…"' in written

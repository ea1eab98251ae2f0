"""The reviewers' desk over HTTP: who may do what, what is written into the audit log, what citizens see of it without any script."""

from __future__ import annotations

import io
import json
import zipfile
from urllib.parse import urlencode

import pytest
from pymongo.errors import AutoReconnect

from server.reviewing.rules import Rules
from tests.handlers.civic_app import ALICE, BOB, PASSWORD, CivicApp, Desk, error_of, json_of
from tests.handlers.test_staff import logged

pytestmark = pytest.mark.gen_test(timeout=60)
ONE = "/api/v1/staff/campaigns/flag"
PUBLIC = "/api/v1/campaigns/flag"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        app = await CivicApp(stores, tmp_path).open()
        await app.opened(free_words=True)
        app.counting.taken = dict.fromkeys(range(1, 10), ("salute",))
        return app

    app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)


async def writes(app, citizen: int, words: str = "祖国万岁") -> str:
    answer = await app.ask(f"{PUBLIC}/messages", {"message": words}, citizen=citizen, headers={"User-Agent": "MicroMessenger"})
    assert answer.code == 202, answer.body
    return str((await app.services.reviewing.sources.of("message").of_citizen("flag", citizen, 1))[0].token)


async def another(app: CivicApp, name: str, role: str) -> Desk:
    """Somebody else with this role, signed in."""
    await app.staff.create(name, role, PASSWORD, app.now)
    done, desk = await app.staff.sign_in(name, PASSWORD, app.now), Desk(app)
    desk.cookie, desk.csrf = f"wenming_staff={done.secret}", done.member.csrf
    return desk


def names(*tokens: str) -> list[dict[str, str]]:
    return [{"kind": "message", "id": token} for token in tokens]


class TestTheDesk:
    async def test_a_reviewer_decides_on_several_and_each_is_in_the_audit_log(self, app, stores):
        tokens = [await writes(app, citizen, f"第{citizen}位") for citizen in (ALICE, BOB)]
        desk = await app.desk("reviewer")
        queue = json_of(await desk.ask(f"{ONE}/items"))
        assert {item["id"] for item in queue["items"]} == set(tokens) and queue["counts"]["waiting"] == 2
        assert queue["kinds"] == {"message": "寄语"}
        done = json_of(await desk.ask(f"{ONE}/items/decisions", {"items": names(*tokens, "0" * 32), "approve": False, "reason": "advert"}))
        assert [one["done"] for one in done["items"]] == [True, True, False] and done["items"][2]["code"] == "ITEM_DECIDED"
        assert [action for _, action, _ in await logged(stores)] == ["item.reject", "item.reject"]

    async def test_how_much_waits_is_told_of_each_campaign_of_hers(self, app):
        await writes(app, ALICE)
        reviewer, auditor = await app.desk("reviewer"), await app.desk("auditor")
        for desk in (reviewer, auditor):
            (one,) = json_of(await desk.ask("/api/v1/staff/review-counts"))["items"]
            assert (one["slug"], one["waiting"], one["complaints"]) == ("flag", 1, 0)
        await app.staff.create("far.away", "reviewer", PASSWORD, app.now, campaigns=("other",))
        done, other = await app.staff.sign_in("far.away", PASSWORD, app.now), Desk(app)
        other.cookie, other.csrf = f"wenming_staff={done.secret}", done.member.csrf
        assert json_of(await other.ask("/api/v1/staff/review-counts"))["items"] == []

    async def test_a_store_that_is_away_in_between_fails_one_item_and_what_was_decided_is_in_both_logs(self, app, stores, monkeypatch):
        tokens = [await writes(app, citizen, f"第{citizen}位") for citizen in range(1, 7)]
        desk, reviewing = await app.desk("reviewer"), app.services.reviewing
        source = reviewing.sources.of("message")
        decide, away = source.decide, {tokens[1], tokens[3], tokens[4], tokens[5]}

        async def flickering(campaign, token, ruling):
            if token in away:
                raise AutoReconnect("the primary changed")
            return await decide(campaign, token, ruling)

        monkeypatch.setattr(source, "decide", flickering)
        body = {"items": names(*tokens), "approve": True}
        done = json_of(await desk.ask(f"{ONE}/items/decisions", body))["items"]
        assert [one["code"] for one in done] == ["", "STORE_UNAVAILABLE", "", *["STORE_UNAVAILABLE"] * 3]
        assert [subject for _, _, subject in await logged(stores)] == [f"flag:message:{tokens[n]}" for n in (0, 2)]
        away.clear()
        found = json_of(await desk.ask(f"{ONE}/items/decisions", body))["items"]
        assert [one["code"] for one in found] == ["ITEM_DECIDED", "", "ITEM_DECIDED", "", "", ""]
        assert len(await logged(stores)) == 6
        for token in tokens:
            assert [event.what for event in await reviewing.events.of(token)] == ["written", "approved"]

    async def test_what_stands_is_logged_though_the_store_goes_away_right_after(self, app, stores, monkeypatch):
        token = await writes(app, ALICE)
        desk = await app.desk("reviewer")

        async def away(*_, **__):
            raise AutoReconnect("the primary changed")

        monkeypatch.setattr(app.services.reviewing.events, "add", away)
        for address, body in ((f"{ONE}/items/decisions", {"items": names(token), "approve": True}),
                              (f"{ONE}/items/take-downs", {"items": names(token), "words": "不宜公开"})):
            assert json_of(await desk.ask(address, body))["items"][0]["code"] == "STORE_UNAVAILABLE"
        assert [action for _, action, _ in await logged(stores)] == ["item.approve", "item.take_down"]

    async def test_a_lock_of_one_is_a_conflict_for_the_other(self, app):
        token = await writes(app, ALICE)
        first, second = await app.desk("reviewer"), await another(app, "chen", "reviewer")
        assert (await first.ask(f"{ONE}/items/message/{token}/lock", {}, method="PUT")).code == 200
        assert error_of(await second.ask(f"{ONE}/items/message/{token}/lock", {}, method="PUT")) == (409, "ITEM_HELD")
        assert json_of(await second.ask(f"{ONE}/items"))["items"][0]["held_by"]["name"] == "the-reviewer"
        assert (await first.ask(f"{ONE}/items/message/{token}/lock", method="DELETE")).code == 204
        assert (await second.ask(f"{ONE}/items/message/{token}/lock", {}, method="PUT")).code == 200

    async def test_a_second_look_is_another_s(self, app):
        await app.services.reviewing.rules.keep("flag", Rules(second_percent=100))
        token = await writes(app, ALICE)
        first, second = await app.desk("reviewer"), await another(app, "chen", "reviewer")
        await first.ask(f"{ONE}/items/decisions", {"items": names(token), "approve": True})
        path = f"{ONE}/items/message/{token}/second-look"
        assert error_of(await first.ask(path, {"stands": True}, method="PUT")) == (403, "OWN_DECISION")
        assert json_of(await second.ask(path, {"stands": False, "words": "核实后不实"}, method="PUT"))["state"] == "taken_down"
        assert error_of(await second.ask(path, {"stands": True}, method="PUT")) == (404, "ITEM_DECIDED")

    async def test_a_second_look_that_stands_is_logged_though_the_store_goes_away_right_after(self, app, stores, monkeypatch):
        await app.services.reviewing.rules.keep("flag", Rules(second_percent=100))
        token = await writes(app, ALICE)
        first, second = await app.desk("reviewer"), await another(app, "chen", "reviewer")
        await first.ask(f"{ONE}/items/decisions", {"items": names(token), "approve": True})

        async def away(*_, **__):
            raise AutoReconnect("the primary changed")

        monkeypatch.setattr(app.services.reviewing.events, "add", away)
        refused = await second.ask(f"{ONE}/items/message/{token}/second-look", {"stands": False, "words": "核实后不实"}, method="PUT")
        assert error_of(refused) == (503, "STORE_UNAVAILABLE")
        assert [(who, action) for who, action, _ in await logged(stores)][-1] == ("chen", "item.reverse")

    async def test_an_operator_searches_the_wall_and_takes_down_with_what_is_like_it(self, app, stores):
        written = ((1, "加我微信领红包"), (2, "加我 微信 领红包！"), (3, "祖国万岁"))
        tokens = [await writes(app, citizen, words) for citizen, words in written]
        reviewer, operator = await app.desk("reviewer"), await app.desk("operator")
        await reviewer.ask(f"{ONE}/items/decisions", {"items": names(*tokens), "approve": True})
        found = json_of(await operator.ask(f"{ONE}/items/public?{urlencode({'text': '領紅包'})}"))["items"]
        assert {item["id"] for item in found} == set(tokens[:2])
        alike = json_of(await operator.ask(f"{ONE}/items/message/{tokens[0]}/alike"))["items"]
        assert [item["id"] for item in alike] == [tokens[1]]
        assert error_of(await operator.ask(f"{ONE}/items/take-downs", {"items": names(*tokens[:2])})) == (422, "REASON_MISSING")
        await operator.ask(f"{ONE}/items/take-downs", {"items": names(*tokens[:2]), "reason": "advert"})
        assert [item["message"] for item in json_of(await app.ask(f"{PUBLIC}/messages"))["items"]] == ["祖国万岁"]
        assert [action for _, action, _ in await logged(stores)][-2:] == ["item.take_down"] * 2

    async def test_own_words_are_switched_off_by_hand_and_the_page_says_why(self, app):
        desk = await app.desk("operator")
        assert json_of(await desk.ask(f"{ONE}/own-words", {"paused": True}, method="PUT"))["paused"] is True
        form = json_of(await app.ask(PUBLIC))["form"]
        assert form["free_words"] is False and "现成的寄语" in form["free_words_note"]
        assert error_of(await app.ask(f"{PUBLIC}/messages", {"message": "祖国万岁"}, citizen=ALICE)) == (409, "OWN_WORDS_PAUSED")
        await desk.ask(f"{ONE}/own-words", {"paused": False}, method="PUT")
        assert json_of(await app.ask(PUBLIC))["form"]["free_words"] is True

    async def test_rules_and_reasons_are_kept_as_they_were_seen(self, app):
        desk, admin = await app.desk("reviewer"), await app.desk("admin")
        rules = json_of(await desk.ask(f"{ONE}/review-rules"))["rules"]
        assert json_of(await desk.ask(f"{ONE}/review-rules", {**rules, "second_percent": 20}, method="PUT"))["rev"] == 1
        assert error_of(await desk.ask(f"{ONE}/review-rules", rules, method="PUT")) == (409, "RULES_CHANGED")
        assert error_of(await desk.ask(f"{ONE}/review-rules", {"second_percent": 900, "rev": 1}, method="PUT")) == (422, "RULES_WRONG")
        table = json_of(await desk.ask("/api/v1/staff/review-reasons"))
        assert error_of(await desk.ask("/api/v1/staff/review-reasons", table, method="PUT")) == (403, "ROLE_REFUSED")
        assert error_of(await admin.ask("/api/v1/staff/review-reasons", {**table, "ban": []}, method="PUT")) == (422, "REASONS_WRONG")
        assert json_of(await admin.ask("/api/v1/staff/review-reasons", table, method="PUT"))["rev"] == 1


class TestPeople:
    async def test_a_ban_is_made_from_an_item_told_to_her_and_lifted_after_an_appeal(self, app, stores):
        token, desk = await writes(app, ALICE), await app.desk("reviewer")
        body = {"kind": "message", "id": token, "days": 7, "reason": "adverts"}
        ban = json_of(await desk.ask(f"{ONE}/bans", body))
        assert ban["holds"] and ban["citizen"].startswith("****") and ban["reason"] == "多次发布广告"
        refusal = await app.ask(f"{PUBLIC}/messages", {"message": "再写一次"}, citizen=ALICE)
        assert error_of(refusal) == (403, "BANNED_FROM_WRITING") and "多次发布广告" in json_of(refusal)["error"]["message"]
        assert "多次发布广告" in json_of(await app.ask(f"{PUBLIC}/messages/me", citizen=ALICE))["ban"]
        assert error_of(await desk.ask(f"{ONE}/bans", {**body, "days": 400})) == (422, "BAN_DAYS_WRONG")
        assert error_of(await desk.ask(f"{ONE}/bans", {**body, "id": "0" * 32})) == (404, "ITEM_NOT_FOUND")
        path = f"{ONE}/bans/{ban['id']}"
        assert error_of(await desk.ask(path, {"appeal": " "}, method="PUT")) == (422, "APPEAL_NOTE_MISSING")
        assert json_of(await desk.ask(path, {"appeal": "核实属误判", "lift": True}, method="PUT"))["lifted_by"] == "the-reviewer"
        assert error_of(await desk.ask(path, {"appeal": "又一次", "lift": True}, method="PUT")) == (409, "BAN_CHANGED")
        assert json_of(await app.ask(f"{PUBLIC}/messages/me", citizen=ALICE))["ban"] == ""
        assert [action for _, action, _ in await logged(stores)] == ["ban.make", "ban.lift"]

    async def test_a_member_of_one_campaign_bans_there_alone(self, app):
        token = await writes(app, ALICE)
        await app.staff.create("lin", "reviewer", PASSWORD, app.now, campaigns=("flag",))
        done, desk = await app.staff.sign_in("lin", PASSWORD, app.now), Desk(app)
        desk.cookie, desk.csrf = f"wenming_staff={done.secret}", done.member.csrf
        body = {"kind": "message", "id": token, "days": 1, "reason": "adverts"}
        assert error_of(await desk.ask(f"{ONE}/bans", {**body, "everywhere": True})) == (403, "SCOPE_REFUSED")
        assert (await desk.ask(f"{ONE}/bans", body)).code == 201

    async def test_a_source_record_takes_two_and_each_look_is_in_the_audit_log(self, app, stores):
        token = await writes(app, ALICE)
        reviewer, auditor, admin = await app.desk("reviewer"), await app.desk("auditor"), await app.desk("admin")
        openings = f"{ONE}/source-openings"
        assert error_of(await reviewer.ask(openings, {"kind": "message", "id": token, "reason": ""})) == (422, "REASON_MISSING")
        opening = json_of(await reviewer.ask(openings, {"kind": "message", "id": token, "reason": "公安机关来函"}))
        path = f"{openings}/{opening['id']}"
        assert error_of(await reviewer.ask(f"{path}/record")) == (409, "SOURCE_RECORD_SHUT")
        assert error_of(await reviewer.ask(path, {"consent": True}, method="PUT")) == (403, "ROLE_REFUSED")
        assert json_of(await auditor.ask(path, {"consent": True}, method="PUT"))["state"] == "open"
        assert error_of(await admin.ask(path, {"consent": True}, method="PUT")) == (409, "OPENING_DECIDED")
        source = json_of(await reviewer.ask(f"{path}/record"))["source"]
        assert (source["citizen"], source["user_agent"], source["address"]) == (ALICE, "MicroMessenger", "127.0.0.1")
        assert error_of(await admin.ask(f"{path}/record")) == (409, "SOURCE_RECORD_SHUT")
        app.now += 1801
        assert error_of(await reviewer.ask(f"{path}/record")) == (409, "SOURCE_RECORD_SHUT")
        assert [action for _, action, _ in await logged(stores)] == [
            "source.ask", "refused.role_refused", "source.consent", "source.open"]

    async def test_who_asked_does_not_consent_even_as_an_admin(self, app):
        token, admin = await writes(app, ALICE), await app.desk("admin")
        opening = json_of(await admin.ask(f"{ONE}/source-openings", {"kind": "message", "id": token, "reason": "核查"}))
        refusal = await admin.ask(f"{ONE}/source-openings/{opening['id']}", {"consent": True}, method="PUT")
        assert error_of(refusal) == (403, "SECOND_PERSON_NEEDED")

    async def test_a_case_file_is_a_zip_or_a_page_and_audited(self, app, stores):
        token, desk = await writes(app, ALICE, HOSTILE), await app.desk("reviewer")
        answer = await desk.ask(f"{ONE}/items/message/{token}/case.zip")
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert json.loads(archive.read("case.json"))["item"]["id"] == token
        page = (await desk.ask(f"{ONE}/items/message/{token}/case.html")).body.decode()
        assert "<img" not in page and "&lt;img" in page
        assert [action for _, action, _ in await logged(stores)] == ["case.export"] * 2


class TestCitizens:
    async def approved(self, app, citizen: int, words: str = "祖国万岁") -> str:
        token = await writes(app, citizen, words)
        (ruled,) = await app.services.reviewing.desk.decide("flag", [("message", token)], True, "", "", "lin", app.now)
        assert ruled.error is None
        return token

    def cookie(self, app, citizen: int) -> dict[str, str]:
        return {"Cookie": f"wenming_citizen={app.tokens.issue(citizen, app.now)}", "Accept": "text/html"}

    async def test_the_wall_is_a_page_without_script_and_words_stay_words(self, app):
        token = await self.approved(app, ALICE, HOSTILE)
        answer = await app.ask("/c/flag/wall")
        page = answer.body.decode()
        assert "<img" not in page and "<script" not in page and "&lt;img src=x onerror" in page
        assert f'/c/flag/report/message/{token}"' in page and "市文明办" not in page.split("<footer")[0]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    async def test_a_citizen_reports_with_a_reason_once_and_reads_the_answer(self, app):
        token = await self.approved(app, ALICE)
        path, hers = f"/c/flag/report/message/{token}", self.cookie(app, BOB)
        signed_out = await app.ask(path)
        assert signed_out.code == 302 and signed_out.headers["Location"].startswith("/auth/official")
        assert "请选择举报的原因" in (await app.ask(path, headers=hers)).body.decode()
        assert (await app.ask(path, b"reason=", headers=hers)).code == 422
        assert "已收到" in (await app.ask(path, b"reason=insult", headers=hers)).body.decode()
        assert "已经举报过" in (await app.ask(path, b"reason=insult", headers=hers)).body.decode()
        desk = await app.desk("operator")
        (case,) = json_of(await desk.ask(f"{ONE}/complaints"))["items"]
        assert case["count"] == 1 and case["reasons"][0]["reason"] == "侮辱、攻击他人" and "citizen" not in json.dumps(case)
        answer = {"upheld": True, "answer": "已核实并撤下"}
        assert json_of(await desk.ask(f"{ONE}/complaints/message/{token}", answer, method="PUT"))["upheld"] is True
        assert error_of(await desk.ask(f"{ONE}/complaints/message/{token}", answer, method="PUT")) == (409, "CASE_ANSWERED")
        assert json_of(await desk.ask(f"{ONE}/complaints"))["items"] == []
        assert len(json_of(await desk.ask(f"{ONE}/complaints?all=1"))["items"]) == 1
        assert "已核实并撤下" in (await app.ask("/c/flag/mine", headers=hers)).body.decode()
        assert (await app.ask(path, headers=self.cookie(app, 3))).code == 404
        assert "祖国万岁" not in (await app.ask("/c/flag/wall")).body.decode()

    async def test_she_reads_why_her_words_were_turned_down(self, app):
        token = await writes(app, ALICE, HOSTILE)
        await app.services.reviewing.desk.decide("flag", [("message", token)], False, "advert", "", "lin", app.now)
        page = (await app.ask("/c/flag/mine", headers=self.cookie(app, ALICE))).body.decode()
        assert "含有广告或联系方式" in page and "未通过" in page and "<img" not in page
        (own,) = json_of(await app.ask(f"{PUBLIC}/messages/me", citizen=ALICE))["items"]
        assert (own["state"], own["reason"]) == ("rejected", "含有广告或联系方式")

    async def test_programs_report_by_the_same_rules(self, app):
        token = await self.approved(app, ALICE)
        path = f"{PUBLIC}/complaints"
        assert "其他（请写明）" in [one["text"] for one in json_of(await app.ask(path))["items"]]
        assert error_of(await app.ask(path, {"kind": "message", "id": token, "reason": "insult"})) == (401, "TOKEN_MISSING")
        wrong = [({"reason": ""}, 422, "REASON_MISSING"), ({"reason": "other"}, 422, "REASON_MISSING"),
                 ({"reason": "made_up"}, 422, "UNKNOWN_REASON"), ({"reason": "insult", "id": "0" * 32}, 404, "ITEM_NOT_FOUND"),
                 ({"reason": "insult", "kind": "song"}, 404, "UNKNOWN_KIND")]
        for part, status, code in wrong:
            assert error_of(await app.ask(path, {"kind": "message", "id": token, **part}, citizen=BOB)) == (status, code)
        assert (await app.ask(path, {"kind": "message", "id": token, "reason": "insult"}, citizen=BOB)).code == 201
        again = await app.ask(path, {"kind": "message", "id": token, "reason": "insult"}, citizen=BOB)
        assert error_of(again) == (409, "ALREADY_REPORTED")

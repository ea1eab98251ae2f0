"""A quiz over HTTP: papers without answers, judging without memory, figures without persons."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as RedisGone

from server.errors import Unavailable
from server.quizzes import Quizzes
from server.stores import PyMongoError
from tests.handlers.civic_app import ALICE, BOB, CivicApp, error_of, json_of
from tests.server.campaign_types.test_quiz import question

pytestmark = pytest.mark.gen_test(timeout=60)
QUIZ = "/api/v1/campaigns/flag/paper"
FIGURES = "/api/v1/staff/campaigns/flag/quiz-figures"
RULES = {"questions": [question("q1"), question("q2", "multiple", ("a", "c")), question("q3", "judge", ("b",), "ab")]}
RIGHT = {"q1": ["a"], "q2": ["a", "c"], "q3": ["b"]}
GUEST = "0123456789abcdef"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    yield made
    io_loop.run_sync(made.close)


async def quiz(app: CivicApp, **changes):
    return await app.opened(**{"kind": "quiz", "rules": RULES} | changes)


class TestAPaper:
    async def test_a_guest_gets_one_and_gets_it_again_by_its_code(self, app):
        await quiz(app, rules={**RULES, "asked": 2, "order": "shuffled"})
        first = json_of(await app.ask(QUIZ))
        assert len(first["questions"]) == 2
        assert json_of(await app.ask(f"{QUIZ}?paper={first['paper']}")) == first

    async def test_a_citizen_has_her_own_whatever_code_she_sends(self, app):
        await quiz(app)
        assert json_of(await app.ask(f"{QUIZ}?paper={GUEST}", citizen=ALICE)) == json_of(await app.ask(QUIZ, citizen=ALICE))
        assert json_of(await app.ask(QUIZ, citizen=BOB))["paper"] != json_of(await app.ask(QUIZ, citizen=ALICE))["paper"]

    async def test_no_right_answer_is_in_it_nor_in_the_campaign_nor_in_the_page(self, app):
        await quiz(app)
        for path in (QUIZ, "/api/v1/campaigns/flag", "/c/flag"):
            body = (await app.ask(path)).body.decode()
            assert '"right"' not in body and "解释q" not in body
        assert "题目q1" not in (await app.ask("/c/flag")).body.decode()

    async def test_nobody_sees_a_question_before_the_opening_or_in_a_pause(self, app):
        await quiz(app)
        opened, app.now = app.now, app.now - 86400
        assert error_of(await app.ask(QUIZ)) == (409, "CAMPAIGN_NOT_OPEN")
        app.now = opened
        await app.world.campaigns.transition("flag", "paused", app.now)
        assert error_of(await app.ask(QUIZ)) == (409, "CAMPAIGN_PAUSED")

    async def test_other_kinds_have_none(self, app):
        await app.opened()
        assert error_of(await app.ask(QUIZ)) == (404, "NO_QUIZ")
        assert error_of(await app.ask(f"{QUIZ}/answers", {"paper": GUEST, "answers": {}})) == (404, "NO_QUIZ")


class TestJudging:
    async def test_it_says_what_was_right_and_why(self, app):
        await quiz(app)
        sheet = json_of(await app.ask(f"{QUIZ}/answers", {"paper": GUEST, "answers": RIGHT | {"q2": ["a"]}}))
        assert (sheet["score"], sheet["asked"]) == (2, 3)
        assert sheet["questions"][1] == {"code": "q2", "chosen": ["a"], "right": ["a", "c"], "is_right": False, "why": "解释q2"}

    @pytest.mark.parametrize(("paper", "answers", "refusal", "why"), [
        ("nothing", RIGHT, (422, "UNKNOWN_PAPER"), "重新打开"), (GUEST, {"q1": ["a"]}, (422, "ANSWER_MISSING"), "第 2 题还没有答"),
        (GUEST, RIGHT | {"q1": ["a", "b"]}, (422, "ONE_ANSWER"), "第 1 题只能选一项"),
        (GUEST, RIGHT | {"q3": []}, (422, "ANSWER_MISSING"), "第 3 题"),
        (GUEST, RIGHT | {"q9": ["a"]}, (409, "PAPER_CHANGED"), "题目已经更新"),
        (GUEST, RIGHT | {"q1": ["z"]}, (409, "PAPER_CHANGED"), "题目已经更新"),
        (GUEST, {"q1": "a"}, (422, "INVALID_BODY"), "")])
    async def test_what_is_no_whole_sheet_is_refused_in_words(self, app, paper, answers, refusal, why):
        await quiz(app)
        answer = await app.ask(f"{QUIZ}/answers", {"paper": paper, "answers": answers})
        assert error_of(answer) == refusal and why in json_of(answer)["error"]["message"]

    async def test_a_corrected_key_judges_from_then_on(self, app):
        current = await quiz(app)
        mended = {"questions": [question("q1", right=("b",)), *RULES["questions"][1:]]}
        assert json_of(await app.ask(f"{QUIZ}/answers", {"paper": GUEST, "answers": RIGHT}))["score"] == 3
        await app.world.campaigns.update(replace(current, rules=mended))
        assert json_of(await app.ask(f"{QUIZ}/answers", {"paper": GUEST, "answers": RIGHT}))["score"] == 2


class TestFigures:
    async def hand_in(self, app, citizen: int | None, answers=RIGHT):
        return await app.ask(f"{QUIZ}/answers", {"paper": GUEST, "answers": answers}, citizen=citizen)

    async def figures(self, app) -> dict:
        await app.services.quizzes.flush(app.now)
        if not hasattr(self, "desk"):
            self.desk = await app.desk("editor")
        return json_of(await self.desk.ask(FIGURES))

    async def test_they_say_how_many_chose_what_and_nobody_s_name(self, app):
        await quiz(app)
        for number, q1 in ((10, "a"), (11, "b"), (12, "b")):
            await self.hand_in(app, number, RIGHT | {"q1": [q1]})
        found = await self.figures(app)
        first = found["questions"][0]
        assert (found["sheets"], found["scores"]) == (3, [[2, 2], [3, 1]])
        assert (first["answered"], first["right"], [o["chosen"] for o in first["options"]]) == (3, 1, [1, 2, 0])
        document = await app.services.quizzes._figures.find_one({"_id": "flag"})
        assert set(map(type, (value for name, value in document.items() if name != "_id"))) <= {int, float}

    async def test_a_question_may_have_the_code_score(self, app):
        await quiz(app, rules={"questions": [question("score"), question("sheets")]})
        await self.hand_in(app, BOB, {"score": ["a"], "sheets": ["b"]})
        found = await self.figures(app)
        assert (found["sheets"], found["scores"]) == (1, [[1, 1]])
        assert [(one["answered"], one["right"]) for one in found["questions"]] == [(1, 1), (1, 0)]

    async def test_a_guest_and_who_was_counted_already_are_judged_and_not_counted(self, app):
        await quiz(app)
        assert (await self.hand_in(app, None)).code == (await self.hand_in(app, ALICE)).code == 200
        assert (await self.figures(app))["sheets"] == 0

    async def test_a_sheet_sent_many_times_at_once_is_one(self, app):
        await quiz(app)
        await asyncio.gather(*(self.hand_in(app, BOB) for _ in range(20)))
        assert (await self.figures(app))["sheets"] == 1

    async def test_two_processes_add_up(self, app):
        current = await quiz(app)
        other = Quizzes(app.world.stores.mongo, app.world.stores.redis, app.counting)
        sheet = other.judge(current, GUEST, RIGHT, app.now)
        await asyncio.gather(*(q.note(current, n, sheet, app.now) for n in range(20, 40) for q in ((app.services.quizzes, other)[n % 2],)))
        await asyncio.gather(app.services.quizzes.flush(app.now), other.close())
        assert (await self.figures(app))["sheets"] == 20

    @pytest.mark.parametrize("trouble", [RedisGone("away"), Unavailable(), TimeoutError()])
    async def test_without_redis_she_is_judged_all_the_same(self, app, trouble, monkeypatch):
        async def away(*_args, **_more):
            raise trouble
        await quiz(app)
        monkeypatch.setattr(app.counting, "record_of", away)
        assert json_of(await self.hand_in(app, BOB))["score"] == 3
        assert (await self.figures(app))["sheets"] == 0

    async def test_what_mongodb_does_not_take_is_written_later(self, app, monkeypatch):
        await quiz(app)
        await self.hand_in(app, BOB)
        quizzes, kept = app.services.quizzes, app.services.quizzes._figures

        class Away:
            async def update_one(self, *_args, **_more):
                raise PyMongoError("away")
        monkeypatch.setattr(quizzes, "_figures", Away())
        await quizzes.flush(app.now)
        monkeypatch.setattr(quizzes, "_figures", kept)
        assert (await self.figures(app))["sheets"] == 1

    async def test_they_are_for_staff_alone(self, app):
        await quiz(app)
        assert (await app.ask(FIGURES)).code == 401


class TestTemplates:
    async def test_a_campaign_begins_as_its_template_says_with_the_editor_s_title_and_time(self, app):
        desk = await app.desk("editor")
        listed = json_of(await desk.ask("/api/v1/staff/campaign-templates"))["items"]
        assert {"salute", "pledge", "quiz", "messages"} <= {one["code"] for one in listed}
        body = {"template": "pledge", "slug": "vow", "title": "垃圾分类承诺", "opens_at": "2026-10-01T00:00:00+08:00",
                "closes_at": "2026-10-08T00:00:00+08:00"}
        made = json_of(await desk.ask("/api/v1/staff/campaigns", body))
        assert (made["kind"], made["title"], made["state"], made["rules"]["head"]) == ("pledge", "垃圾分类承诺", "draft", "我承诺")
        assert made["opens_at"] == body["opens_at"] and made["activities"][0]["verb"] == "承诺"

    async def test_without_a_title_it_has_the_template_s(self, app):
        desk = await app.desk("editor")
        body = {"template": "quiz", "slug": "ask", "opens_at": "2026-10-01T00:00:00+08:00", "closes_at": "2026-10-08T00:00:00+08:00"}
        assert json_of(await desk.ask("/api/v1/staff/campaigns", body))["title"] == "国旗国歌知识问答"

    async def test_an_unknown_template_and_wrong_rules_are_refused_in_words(self, app):
        desk = await app.desk("editor")
        body = {"slug": "ask", "title": "问答", "opens_at": "2026-10-01T00:00:00+08:00", "closes_at": "2026-10-08T00:00:00+08:00"}
        assert error_of(await desk.ask("/api/v1/staff/campaigns", body | {"template": "lottery"})) == (422, "UNKNOWN_TEMPLATE")
        wrong = await desk.ask("/api/v1/staff/campaigns", body | {"kind": "quiz", "rules": {"prize": 1},
                                                                  "activities": [{"code": "a", "title": "问答", "verb": "答题"}]})
        assert error_of(wrong) == (422, "RULES_WRONG") and "prize" in json_of(wrong)["error"]["message"]

    async def test_a_preview_shows_the_questions_and_the_public_page_does_not(self, app):
        await quiz(app)
        desk = await app.desk("editor")
        url = json_of(await desk.ask("/api/v1/staff/campaigns/flag/previews", {"revision": 0}))["url"]
        assert "题目q1" in (await app.ask(url.removeprefix("http://wm.example"))).body.decode()

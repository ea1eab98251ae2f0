"""Wording: what is found, where and why; what is right is left alone; and the city's own rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from server.campaigns import Preset
from server.clock import day_bounds
from server.errors import Conflict, InvalidBody
from server.releases.content import Content
from server.releases.dates import number
from server.releases.wording import BUILT_IN, Rule, Wording, WordingList, lint
from tests.server.civic_world import CLOSES, OPENS, SALUTE

pytestmark = pytest.mark.gen_test(timeout=30)


def found(text: str, **changes) -> list[tuple[str, str]]:
    content = structs.replace(Content(title="敬礼", opens_at=OPENS, closes_at=CLOSES), share={"desc": text}, **changes)
    return [(finding.code, finding.found) for finding in lint(content, BUILT_IN)]


WRONG = [
    ("转发有奖，快来参加", ("SHARE_REWARD", "转发有奖")), ("分享领红包", ("SHARE_REWARD", "分享领")),
    ("集赞三十个", ("SHARE_LIKES", "集赞")),
    ("集 赞", ("SHARE_LIKES", "集 赞")), ("轉發有獎", ("SHARE_REWARD", "轉發有獎")), ("不转不是中国人", ("SHARE_FORCED", "不转不是")),
    ("分享后才能看到证书", ("SHARE_FORCED", "分享后才")), ("全体师生必须参加", ("FORCED_PARTICIPATION", "必须参加")),
    ("强制参加", ("FORCED_PARTICIPATION", "强制参加")), ("请各班上报未参加名单", ("ABSENT_LIST", "未参加名单")),
    ("完成后截图上报", ("ABSENT_LIST", "截图上报")), ("纳入文明校园考核", ("PRESSURE", "考核")), ("公布学校排名", ("RANKING", "排名")),
    ("全国首创", ("ABSOLUTE", "首创")), ("100％满意", ("ABSOLUTE", "100％")), ("请填写身份证", ("MINORS_DATA", "填写身份证")),
    ("生成国旗头像", ("FLAG_DIGNITY", "国旗头像")),
    # 1 October 2026 is a Thursday.
    ("10月1日 星期五升旗", ("DATE_WEEKDAY", "10月1日 星期五")), ("10月1日（周五）", ("DATE_WEEKDAY", "10月1日（周五")),
    ("2026年10月1日星期日", ("DATE_WEEKDAY", "2026年10月1日星期日")), ("十月一日，礼拜三", ("DATE_WEEKDAY", "十月一日，礼拜三")),
    ("１０月１日 周五", ("DATE_WEEKDAY", "１０月１日 周五")), ("10.1 周二", ("DATE_WEEKDAY", "10.1 周二")),
    ("9月31日截止", ("DATE_IMPOSSIBLE", "9月31日")), ("2026年2月29日", ("DATE_IMPOSSIBLE", "2026年2月29日")),
    ("2025年国庆", ("DATE_YEAR", "2025年")),
]
RIGHT = [
    "同升一面旗，共敬一个礼。", "自愿参加，严禁强制参加", "不得强制参与，不强制", "不公布排名", "10月1日 星期四",
    "10月1日（周四）至10月7日（周三）", "十月一日星期四", "10.1 周四", "版本 3.5 发布", "2026年国庆", "国旗升起的地方", "转发给家人一起看",
    "点赞祖国",
    "10月3日星期六、10月4日星期天", "没有 12.40 元的门票", ""]


class TestFinding:
    @pytest.mark.parametrize(("text", "wanted"), WRONG, ids=[text for text, _ in WRONG])
    def test_what_is_wrong_is_found_in_its_place(self, text, wanted):
        assert found(text) == [wanted]

    @pytest.mark.parametrize("text", RIGHT)
    def test_what_is_right_is_left_alone(self, text):
        assert found(text) == []

    def test_a_forbidding_word_covers_its_own_clause_alone(self):
        assert found("严禁吸烟。必须参加") == [("FORCED_PARTICIPATION", "必须参加")]

    def test_every_text_of_the_campaign_is_read(self):
        wrong = structs.replace(
            Content(opens_at=OPENS, closes_at=CLOSES), title="集赞", activities=(replace(SALUTE, title="集赞一", verb="集赞二"),),
            presets=(Preset("p", "集赞三"),), theme={"subtitle": "集赞四", "poster": "集赞"}, share={"title": "集赞五", "image": "/集赞"},
            organiser={"name": "集赞六", "report_url": "https://集赞"})
        assert sorted(finding.field for finding in lint(wrong, BUILT_IN)) == [
            "activities.salute.title", "activities.salute.verb", "organiser.name", "presets.p", "share.title", "theme.subtitle", "title"]

    def test_a_finding_says_field_place_why_and_what_to_do(self):
        [finding] = lint(Content(title="快来吧，转发有奖哦", opens_at=OPENS, closes_at=CLOSES), BUILT_IN)
        assert (finding.level, finding.name, finding.start, finding.end) == ("error", "标题", 4, 8)
        assert finding.around == "快来吧，转发有奖哦" and finding.why and finding.advice

    def test_what_was_confirmed_in_one_sentence_is_not_in_another(self):
        keys = [lint(Content(title=title, opens_at=OPENS, closes_at=CLOSES), BUILT_IN)[0].key
                for title in ("全国首创", "全省首创", "全国首创")]
        assert keys[0] == keys[2] != keys[1]

    def test_a_weekday_is_that_of_the_campaign_s_own_year(self):
        opens, closes = day_bounds("20261231")[0], day_bounds("20270103")[0]
        assert found("1月1日星期五", opens_at=opens, closes_at=closes) == []
        assert found("1月1日星期四", opens_at=opens, closes_at=closes) == [("DATE_WEEKDAY", "1月1日星期四")]

    def test_without_a_window_days_are_not_judged(self):
        assert found("10月1日星期五 2025年", opens_at=0, closes_at=0) == []
        assert found("9月31日", opens_at=0, closes_at=0) == [("DATE_IMPOSSIBLE", "9月31日")]

    @pytest.mark.parametrize(("text", "value"), [("3", 3), ("十", 10), ("十一", 11), ("二十", 20), ("三十一", 31), ("九", 9), ("一二", 0)])
    def test_numbers_are_read_in_both_ways(self, text, value):
        assert number(text) == value


class TestOwnRules:
    OWN = Rule("CITY_NAME", "error", ("老城区",), "正式名称是芗城区", "改为芗城区")

    async def test_a_city_adds_rules_and_switches_built_in_ones_off(self, stores):
        wording = Wording(stores.mongo)
        assert await wording.rules() == BUILT_IN
        kept = await wording.keep(WordingList((self.OWN,), ("RANKING",)))
        assert kept.rev == 1 and await Wording(stores.mongo).current() == kept
        rules = await wording.rules()
        assert "RANKING" not in {rule.code for rule in rules}
        assert [f.code for f in lint(Content(title="老城区排名"), rules)] == ["CITY_NAME"]
        again = await wording.keep(structs.replace(kept, rules=()))
        assert (again.rev, len(await wording.rules())) == (2, len(BUILT_IN) - 1)

    async def test_of_two_edits_the_second_is_told(self, stores):
        wording = Wording(stores.mongo)
        await wording.keep(WordingList((self.OWN,)))
        for late in (WordingList(), WordingList(rev=7)):
            with pytest.raises(Conflict) as refusal:
                await wording.keep(late)
            assert refusal.value.code == "WORDING_CHANGED"

    @pytest.mark.parametrize("wanted", [
        WordingList((Rule("RANKING", "error", ("词",), "因为", "改"),)), WordingList(off=("NO_SUCH",)),
        WordingList((Rule("A", "error", (), "因为", "改"),)), WordingList((Rule("A", "error", ("！",), "因为", "改"),)),
        WordingList((Rule("A", "error", ("词",), "", "改"),)), WordingList((Rule("A", "error", ("词" * 33,), "因为", "改"),))])
    async def test_rules_that_cannot_be_are_refused(self, stores, wanted):
        with pytest.raises(InvalidBody) as refusal:
            await Wording(stores.mongo).keep(wanted)
        assert refusal.value.code == "WORDING_WRONG"

    def test_the_built_in_table_is_whole(self):
        assert len({rule.code for rule in BUILT_IN}) == len(BUILT_IN)
        assert all(rule.words and rule.why and rule.advice for rule in BUILT_IN)

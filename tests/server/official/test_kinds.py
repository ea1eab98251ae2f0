"""Every message and event that the platform sends, as it writes it, in both forms and all three modes: what it says is understood,
and what nobody knows is answered quietly."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from server.official import CallbackRefused
from server.wechat import details as d
from tests.people import WANG
from tests.server.official.world import NOON, callback, say

pytestmark = pytest.mark.gen_test(timeout=30)


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"ToUserName": "gh_official0000", "FromUserName": WANG.openid, "CreateTime": int(NOON), "MsgType": kind, "MsgId": 23, **fields}


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"ToUserName": "gh_official0000", "FromUserName": WANG.openid, "CreateTime": int(NOON), "MsgType": "event", "Event": name,
            **fields}


PLACE = {"Location_X": 24.510897, "Location_Y": 117.661801, "Scale": 16, "Label": "芗城区"}
POPUP = {"TemplateId": "t1", "SubscribeStatusString": "accept", "PopupScene": 2}
CHANGED = {"TemplateId": "t1", "SubscribeStatusString": "reject"}
SENT = {"TemplateId": "t1", "MsgID": "1700827132819554304", "ErrorCode": 0, "ErrorStatus": "success"}
ARTICLES = [{"idx": 1, "article_url": "https://mp.weixin.qq.com/s/a"}, {"idx": 2, "article_url": "https://mp.weixin.qq.com/s/b"}]

# name: what the platform writes, and what it says
KINDS: dict[str, tuple[dict[str, Any], d.Details | None]] = {
    "text": (message("text", Content="敬礼"), None),
    "image": (message("image", PicUrl="http://mmbiz.qpic.cn/1", MediaId="m1"), d.Media("m1", "http://mmbiz.qpic.cn/1")),
    "voice": (message("voice", MediaId="m2", Format="amr", Recognition="向国旗敬礼"),
              d.Media("m2", format="amr", recognition="向国旗敬礼")),
    "video": (message("video", MediaId="m3", ThumbMediaId="th"), d.Media("m3", thumb_media_id="th")),
    "short video": (message("shortvideo", MediaId="m3", ThumbMediaId="th"), d.Media("m3", thumb_media_id="th")),
    "location": (message("location", **PLACE), d.Position(24.510897, 117.661801, "芗城区")),
    "link": (message("link", Title="题", Description="述", Url="https://a.cn/?a=1&b=2"), d.Link("题", "述", "https://a.cn/?a=1&b=2")),
    "mini-program card": (message("miniprogrampage", Title="敬礼", AppId="wx1", PagePath="pages/salute?c=1", ThumbUrl="http://x"),
                          d.Page("敬礼", "wx1", "pages/salute?c=1")),
    "follow": (event("subscribe", EventKey=""), d.Scene("")),
    "follow by a scene": (event("subscribe", EventKey="qrscene_school-1", Ticket="gQ"), d.Scene("school-1", "gQ")),
    "leave": (event("unsubscribe", EventKey=""), None),
    "scan": (event("SCAN", EventKey="123", Ticket="gQ"), d.Scene("123", "gQ")),
    "reported location": (event("LOCATION", Latitude="24.51", Longitude=117.66, Precision=119.385040),
                          d.Position(24.51, 117.66, precision=119.38504)),
    "menu tap": (event("CLICK", EventKey="campaign"), None),
    "menu page": (event("VIEW", EventKey="https://h5.example.cn/", MenuId=1), None),
    "menu mini-program": (event("view_miniprogram", EventKey="pages/index", MenuId=1), None),
    "menu scan": (event("scancode_waitmsg", EventKey="k", ScanCodeInfo={"ScanType": "qrcode", "ScanResult": "https://a.cn"}),
                  d.Scanned("qrcode", "https://a.cn")),
    "menu pictures": (event("pic_sysphoto", EventKey="k", SendPicsInfo={"Count": 2, "PicList": {"item": [
        {"PicMd5Sum": "a1"}, {"PicMd5Sum": "b2"}]}}), d.Pictures(("a1", "b2"))),
    "menu one picture": (event("pic_weixin", EventKey="k", SendPicsInfo={"Count": 1, "PicList": {"item": {"PicMd5Sum": "a1"}}}),
                         d.Pictures(("a1",))),
    "menu no picture": (event("pic_photo_or_album", EventKey="k", SendPicsInfo={"Count": 0, "PicList": ""}), d.Pictures(())),
    "menu location": (event("location_select", EventKey="k", SendLocationInfo=PLACE), d.Position(24.510897, 117.661801, "芗城区")),
    "template report": (event("TEMPLATESENDJOBFINISH", MsgID=200163836, Status="failed:user block"),
                        d.Delivery("200163836", "failed:user block")),
    "mass report": (event("MASSSENDJOBFINISH", MsgID=1000001625, Status="sendsuccess", TotalCount="100", FilterCount=80, SentCount=75,
                          ErrorCount=5, ArticleUrlResult={"Count": 1, "ResultList": {"item": {"ArticleIdx": 1, "ArticleUrl": "https://m"}}}),
                    d.MassDelivery("1000001625", "sendsuccess", 100, 75, 5, ("https://m",))),
    "publish report": (event("PUBLISHJOBFINISH", PublishEventInfo={
        "publish_id": 2247503051, "publish_status": 0, "article_id": "a-1", "article_detail": {"count": 2, "item": ARTICLES}}),
        d.Published("2247503051", 0, "a-1", ("https://mp.weixin.qq.com/s/a", "https://mp.weixin.qq.com/s/b"))),
    "publish refused": (event("PUBLISHJOBFINISH", PublishEventInfo={"publish_id": "7", "publish_status": "2", "fail_idx": [1, 2]}),
                        d.Published("7", 2, failed_indexes=(1, 2))),
    "subscription answered": (event("subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": POPUP}),
                              d.Grants("popup", (d.Grant("t1", "accept"),))),
    "subscriptions answered": (event("subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": [POPUP, POPUP | {"TemplateId": "t2"}]}),
                               d.Grants("popup", (d.Grant("t1", "accept"), d.Grant("t2", "accept")))),
    "subscription answered in the mini-program": (event("subscribe_msg_popup_event", List=POPUP),
                                                  d.Grants("popup", (d.Grant("t1", "accept"),))),
    "subscriptions answered in the mini-program": (event("subscribe_msg_popup_event", List=[POPUP, POPUP]),
                                                   d.Grants("popup", (d.Grant("t1", "accept"),) * 2)),
    "subscription changed": (event("subscribe_msg_change_event", SubscribeMsgChangeEvent={"List": CHANGED}),
                             d.Grants("change", (d.Grant("t1", "reject"),))),
    "subscription sent": (event("subscribe_msg_sent_event", SubscribeMsgSentEvent={"List": SENT}),
                          d.Grants("sent", (d.Grant("t1", msg_id="1700827132819554304"),))),
    "media checked": (event("wxa_media_check", appid="wx1", trace_id="60ae", version=2, errcode=0, errmsg="ok",
                            detail=[{"strategy": "content_model", "errcode": 0, "suggest": "risky", "label": 20006, "prob": 90}],
                            result={"suggest": "risky", "label": "20006"}), d.MediaChecked("60ae", "risky", 20006)),
    "media not checked": (event("wxa_media_check", trace_id="60ae", version=2, errcode=-1008, errmsg="cannot download"),
                          d.MediaChecked("60ae", "", 0, -1008)),
    "customer service opened": (event("user_enter_tempsession", SessionFrom="from-salute"), d.Session("from-salute")),
    "permission revoked": (event("user_authorization_revoke", OpenID=WANG.openid, RevokeInfo="1"), d.Revoked(WANG.openid, "1")),
    "account closed": (event("user_authorization_cancellation", OpenID=WANG.openid), d.Revoked(WANG.openid, "")),
    "person changed": (event("user_info_modified", OpenID=WANG.openid, RevokeInfo=1), d.Revoked(WANG.openid, "1")),
}


class TestKinds:
    @pytest.mark.parametrize("name", KINDS)
    async def test_what_it_says_is_understood_in_every_mode_and_form(self, world, name):
        fields, expected = KINDS[name]
        for at, (mode, form) in enumerate(itertools.product(("plain", "compatible", "safe"), ("xml", "json"))):
            world.effects.clear()
            later = fields | {"CreateTime": int(NOON) + at} | ({"MsgId": 100 + at} if "MsgId" in fields else {})
            assert await say(world.process(mode), callback(later, mode, form=form)) == {"type": "text", "text": "欢迎您"}
            [understood] = world.effects
            assert understood.details == expected and understood.is_known
            assert (understood.kind, understood.event) == (fields["MsgType"], fields.get("Event", "").lower())

    def test_every_kind_that_the_product_knows_is_tried(self):
        tried = {fields["Event"].lower() if fields["MsgType"] == "event" else fields["MsgType"] for fields, _ in KINDS.values()}
        alike = {"scancode_push"}  # read as scancode_waitmsg
        assert {*d.OF_KIND, *d.OF_EVENT, *d.PLAIN_KINDS, *d.PLAIN_EVENTS} - {"event"} <= tried | alike

    @pytest.mark.parametrize("name", ["subscribe", "SUBSCRIBE", "Subscribe"])
    async def test_an_event_is_the_same_in_any_case(self, world, name):
        await say(world.process(), callback(event(name, EventKey="qrscene_1")))
        assert world.effects[0].event == "subscribe" and world.effects[0].details == d.Scene("1")


class TestUnknown:
    @pytest.mark.parametrize("fields", [message("hologram", Field="x"), event("moon_landing", Crew={"Name": ["a", "b"]}), message("file")])
    @pytest.mark.parametrize("form", ["xml", "json"])
    async def test_what_nobody_knows_is_answered_quietly_and_counted(self, world, fields, form):
        assert await say(world.process(), callback(fields, form=form)) is None
        assert not world.effects and world.outcomes("unknown") == 1


WRONG: dict[str, dict[str, Any]] = {
    "a place that is none": message("location", Location_X="north", Location_Y=1),
    "a place without end": message("location", Location_X="inf", Location_Y=1),
    "a list for a picture": message("image", MediaId=["a", "b"]),
    "a text for a group": event("scancode_push", ScanCodeInfo="https://a.cn"),
    "texts for lines": event("subscribe_msg_popup_event", List=["t1", "t2"]),
    "more lines than anybody has": event("subscribe_msg_popup_event", List=[{"TemplateId": "t"}] * (d.MAX_ITEMS + 1)),
    "an address past any length": message("link", Url="x" * 2049),
    "a status that is no number": event("PUBLISHJOBFINISH", PublishEventInfo={"publish_status": "soon"}),
    "indexes that are none": event("PUBLISHJOBFINISH", PublishEventInfo={"publish_status": 2, "fail_idx": ["x"]}),
}


class TestGarbage:
    @pytest.mark.parametrize("form", ["xml", "json"])
    @pytest.mark.parametrize("name", WRONG)
    async def test_fields_of_a_wrong_shape_are_one_400(self, world, name, form):
        with pytest.raises(CallbackRefused) as caught:
            await say(world.process(), callback(WRONG[name], form=form))
        assert caught.value.status == 400 and not world.effects


class TestRepeats:
    async def test_two_that_differ_only_in_what_they_say_are_two(self, world):
        """Two pictures checked, or two subscriptions answered, in one second."""
        process = world.process()
        for trace in ("a", "b", "a"):
            await say(process, callback(event("wxa_media_check", trace_id=trace, result={"suggest": "pass"})))
        for template in ("t1", "t2"):
            await say(process, callback(event("subscribe_msg_popup_event", List=POPUP | {"TemplateId": template})))
        assert len(world.effects) == 4

"""What a kit says: texts for chats, the page for teachers, the list of contents. Every text passes the wording rules of the product.

Invariants: nobody is asked to share for a reward, to report who took part, or to hand in a picture of the screen; nothing is promised that
the page does not do.
"""

from __future__ import annotations

from collections.abc import Iterable

from server.campaigns import Campaign
from server.clock import shanghai
from server.releases.content import Content
from server.releases.wording import Rule, lint

# A chat shows about so much of a message before it is folded.
MAX_TITLE, MAX_DESC, MAX_SHORT, MAX_MIDDLE, MAX_LONG = 30, 60, 120, 260, 600


def window(campaign: Campaign) -> str:
    """The first day and the last: what ends at midnight ends the day before. Years where they differ."""
    first, last = shanghai(campaign.opens_at), shanghai(campaign.closes_at - 1)
    years = (f"{first.year}年", f"{last.year}年") if first.year != last.year else ("", "")
    return f"{years[0]}{first.month}月{first.day}日至{years[1]}{last.month}月{last.day}日"


def share_texts(campaign: Campaign, link: str) -> dict[str, str]:
    """Title, description and three lengths for chats, by their names."""
    name = campaign.organiser.get("name", "").strip()
    title, by = campaign.title.strip(), f"由{name}组织。" if name else ""
    desc = (campaign.share.get("desc", "").strip() or str(campaign.theme.get("subtitle", "")).strip() or "欢迎打开页面参加").rstrip("。！")
    acts = "、".join(f"“{activity.title}”" for activity in campaign.activities)
    return {
        "标题": (campaign.share.get("title", "").strip() or title)[:MAX_TITLE],
        "描述": desc[:MAX_DESC],
        # The link is never cut.
        "短文案": f"【{title}】{window(campaign)}，打开页面，约一分钟，自愿参加"[:MAX_SHORT] + f"：{link}",
        "中文案": (f"【{title}】{desc}。{by}活动时间：{window(campaign)}。用手机微信扫码或打开链接即可，不填写姓名和电话，"
                   "每人只计一次")[:MAX_MIDDLE] + f"：{link}",
        "长文案": (f"【{title}】\n{desc}。\n{by}活动时间：{window(campaign)}。\n主题活动：{acts}。\n"
                   "怎么参加：用手机微信扫码，或打开下面的链接，照页面提示做，约一分钟。网络不好也不要紧，页面会记住，恢复后自己补交。\n"
                   "自愿参加，不填写姓名和电话；孩子参加只计一个数，不留名字、留言和照片。")[:MAX_LONG] + f"\n{link}",
    }


def wording_problem(campaign: Campaign, texts: dict[str, str], rules: Iterable[Rule]) -> str:
    """The first thing that the wording rules call an error; empty where there is none."""
    content = Content(title=campaign.title, opens_at=campaign.opens_at, closes_at=campaign.closes_at, share=dict(texts))
    found = next((one for one in lint(content, rules) if one.level == "error"), None)
    return f"“{found.found}”{found.why}" if found else ""


def guide(campaign: Campaign) -> list[tuple[str, list[str]]]:
    """The page for teachers: headings and what stands under each."""
    acts = "、".join(dict.fromkeys(activity.verb for activity in campaign.activities))
    phone = campaign.organiser.get("telephone", "").strip()
    return [
        ("怎么参加", [
            f"活动时间：{window(campaign)}。约一分钟，自愿参加。",
            "把本校二维码投到屏幕上或印出来，请学生和家长用手机微信“扫一扫”。",
            "页面已经选好本校，照提示做就行；没有手机的孩子可以看老师或家长的屏幕一起参加。",
        ]),
        ("对孩子只有这些要求", [
            f"只请孩子看一看、{acts}。不填写姓名、电话，不拍照。",
            "14 岁以下的孩子只计一个数，不留任何个人信息。",
        ]),
        ("请老师留意", [
            "参加与否由孩子和家长自己决定，不作要求，也不用交截图。",
            "不给班级、学校排先后，不点名谁没有来。",
            "请不要为了人数重复扫码：每人只计一次，再扫也不会多。",
        ]),
        ("网络不好怎么办", [
            "几十个人同时打开会慢一些，等几秒再试；可以分组，也可以回家再参加。",
            "已经点了按钮、还没有看到序号：不用重做，页面记住了，网络恢复后会自己补交，序号不会丢。",
            "打不开时换成手机流量，或用手机相机拍下二维码，稍后在微信里长按识别。",
        ]),
        ("还有问题", [f"请联系{campaign.organiser.get('name', '').strip() or '主办单位'}" + (f"，电话 {phone}。" if phone else "。")]),
    ]


def guide_text(campaign: Campaign) -> str:
    parts = [f"{campaign.title}　教师一页说明"]
    for heading, lines in guide(campaign):
        parts += ["", heading, *(f"· {line}" for line in lines)]
    return "\r\n".join(parts) + "\r\n"


def texts_file(texts: dict[str, str]) -> str:
    return "\r\n".join(f"〔{name}〕\r\n{text}\r\n".replace("\n", "\r\n").replace("\r\r\n", "\r\n") for name, text in texts.items())


def readme(campaign: Campaign, made: str, regions: int, units: int) -> str:
    lines = [
        f"{campaign.title}　宣传物料包", f"制作时间：{made}", "",
        "分享文案.txt　　　　　标题、描述和三种长度的群发文案，复制即可用",
        "公众号封面\\　　　　　　图文封面 900×383 和方形 1:1",
        "教师一页说明.pdf、.txt　发给学校：怎么扫、对孩子要求什么、网络不好怎么办",
        "二维码\\活动总码　　　　全市通用，PNG（300 dpi）和 A4 PDF",
        f"二维码\\区县\\　　　　　　{regions} 个区县各一张", f"二维码\\学校和单位\\　　　{units} 个学校和单位各一张，按区县分文件夹", "",
        "每张码都不同：扫码后页面已选好本区县、本单位，后台能分别看到打开次数，只供工作参考，不公开、不比较。",
        "打印用 PDF（A4，黑白即可）；放进推文或投屏用 PNG。二维码四周的白边不要裁掉，上面不要盖字和图案。",
        "纸面上没有国旗图案，因为印刷品会被丢弃；国旗在活动页里升起。",
        "活动内容改动后，控制台会提示这一包已过时，请重新制作；二维码本身不变，已经印出去的照样有效。",
    ]
    return "\r\n".join(lines) + "\r\n"

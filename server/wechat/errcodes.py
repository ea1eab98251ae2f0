"""Every errcode of the platform that we know, as what it means and what to do: the one table, for the doctor and for staff.

Owns: the words. Does not own: what the program does about an errcode (errors.py). Citizens are shown neither.
[doc/oplatform/developers/errCode/errCode.html; each call's own page]
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """`cause` and `remedy` for staff in Chinese, `english` both in short."""

    cause: str
    remedy: str
    english: str


_SOMEBODY_ELSE = "确认没有别的程序用同一个 AppSecret 调用旧的 cgi-bin/token；本系统会自行换取，仍出现就重置 AppSecret 并更新设置"
_UPGRADE = "账号类型或认证不够；请系统管理员做微信自检（doctor --wechat），看哪些功能不能用、改用什么"
_WRITE = "按提示修改内容后再提交"
_BUG = "请把日志里的 rid 交给开发人员，也可请管理员在工作台“接口额度”页查询这个 rid"
_KEYS = "核对 WENMING_API_KEYS 与公众平台“API 安全”里的密钥、编号"
_WAIT = "等一分钟再试；不要连续点击"

ERRCODES: dict[int, Words] = {
    -1: Words("微信系统繁忙", "稍后再试；能重复的调用本系统已自动重试", "the platform is busy: try later"),
    # access_token and the account
    40001: Words("access_token 已失效，或 AppSecret 不对", _SOMEBODY_ELSE, "the token is not the latest, or the AppSecret is wrong"),
    40002: Words("grant_type 不对", _BUG, "wrong grant_type: report the rid"),
    40013: Words("AppID 不对", "核对设置中的 AppID：区分大小写，以 wx 开头共 18 位", "wrong AppID: check the setting"),
    40014: Words("access_token 不合法", _SOMEBODY_ELSE, "the token is invalid"),
    40125: Words("AppSecret 不对", "在公众平台“基本配置”核对或重置 AppSecret，并更新设置；被冻结的先解冻",
                 "wrong AppSecret: check or reset it"),
    40164: Words("本机的公网地址不在 IP 白名单", "在公众平台“设置与开发 → 基本配置 → IP 白名单”加入这个地址，约十分钟后生效",
                 "our address is not in the IP whitelist: add it"),
    40243: Words("AppSecret 已被冻结", "在公众平台“基本配置”解冻 AppSecret", "the AppSecret is frozen: thaw it"),
    41001: Words("缺少 access_token", _BUG, "access_token is missing: report the rid"),
    41002: Words("缺少 AppID", "填写设置中的 AppID", "AppID is missing: fill it in"),
    41004: Words("缺少 AppSecret", "填写设置中的 AppSecret", "AppSecret is missing: fill it in"),
    42001: Words("access_token 已过期", "本系统会自行换取；反复出现时检查服务器时间",
                 "the token expired: it is renewed by itself; check the clock"),
    48001: Words("账号没有这个接口的权限", _UPGRADE, "the account may not call this: see doctor --wechat"),
    48002: Words("粉丝关闭了接收消息", "不能再发给这位市民", "she takes no messages"),
    48004: Words("接口被微信封禁", "登录公众平台查看站内信，按说明申诉", "this call was blocked by the platform: see its notices"),
    48006: Words("本月的清零次数（10 次）已用完", "等下个月，或等到次日零点额度自动恢复", "the 10 clears of this month are used up"),
    50002: Words("账号受限，可能违规或被封禁", "登录公众平台查看站内信，按说明申诉", "the account is restricted: see its notices"),
    61010: Words("市民超过两小时没有打开小程序", "请她先打开小程序，再做内容检测", "she has not opened the mini-program for two hours"),
    61023: Words("第三方平台的 refresh_token 无效", "到公众平台重新授权", "the authorisation ended"),
    # quotas and rates
    45009: Words("今天的调用次数已用完", "到次日零点自动恢复；急用时由管理员在工作台“接口额度”页手动清零（每月 10 次）",
                 "today's calls are used up: wait until midnight, or an admin clears by hand"),
    45011: Words("调用太频繁", _WAIT, "too many calls in this minute: wait"),
    45015: Words("市民 48 小时内没有互动，不能发客服消息", "等她发消息或点菜单，或改用订阅通知",
                 "outside the 48 hours of customer service"),
    45047: Words("客服消息条数已到上限", "等市民再次发言", "too many customer-service messages to her"),
    45065: Words("相同的群发任务已存在", "不要重复群发；确要再发请更换 clientmsgid", "this mass message was sent already"),
    45066: Words("相同的群发任务重试太快", _WAIT, "the same mass message was tried too fast"),
    45028: Words("本月的群发次数已用完", "等下一个周期", "no mass messages left"),
    76001: Words("没有这个 rid，或已超过 7 天", "核对 rid；只能查询最近 7 天、同一账号的 rid", "no such rid within 7 days"),
    76002: Words("rid 的格式不对", "从错误信息里完整复制 rid", "the rid is malformed"),
    76003: Words("这个 rid 属于另一个账号", "选择发出那次调用的账号再查", "the rid is another account's"),
    76021: Words("没有这个接口路径", "此接口不能查询额度", "no such path"),
    76022: Words("此账号不能查询这个接口的额度", "接口属于另一类账号，忽略即可", "the path is not one of this account's"),
    # who and what a message is for
    40003: Words("openid 不对，或属于另一个账号", "确认这位市民属于这个账号", "wrong openid, or another account's"),
    40008: Words("消息类型不对", _BUG, "wrong kind of message"),
    40037: Words("模板编号不对", "在公众平台“模板消息”或“订阅通知”核对模板 ID", "wrong template id"),
    41008: Words("缺少授权码", "请市民重新进入页面", "the code is missing"),
    41009: Words("缺少 openid", _BUG, "openid is missing"),
    40029: Words("授权码不对或已过期", "请市民重新进入页面", "wrong or old code: sign in again"),
    40163: Words("授权码已用过", "请市民重新进入页面", "the code was used: sign in again"),
    40226: Words("微信认为这位用户有风险", "不能为她登录", "the platform holds her back"),
    41030: Words("小程序页面路径不对", "核对页面路径：须是已发布的页面，不带开头的 /", "wrong page of the mini-program"),
    43004: Words("市民没有关注公众号", "请她先关注", "she does not follow the account"),
    43101: Words("市民没有同意，或次数已用完", "请她再次同意订阅", "she did not agree, or it is used up"),
    47003: Words("模板内容不符合要求", "按模板的字段类型与字数修改内容", "the data do not fit the template"),
    # bodies, menus, codes
    40016: Words("菜单按钮数量不对", "一级 1 至 3 个，二级 1 至 5 个", "wrong number of menu buttons"),
    40018: Words("菜单名称长度不对", "一级最多 5 个汉字，二级最多 20 个", "wrong length of a menu name"),
    40023: Words("二级菜单数量不对", "二级 1 至 5 个", "wrong number of sub buttons"),
    40033: Words("请求的编码不对", _BUG, "wrong encoding of the request"),
    40053: Words("二维码参数不对", "场景名 1 至 64 个字符", "wrong parameters of a scene code"),
    40055: Words("菜单网址不对", "网址以 https:// 开头", "wrong address of a menu button"),
    40066: Words("网址不对", "核对网址；须是白名单中的域名", "wrong address"),
    40097: Words("参数不对", _BUG, "wrong parameters"),
    43001: Words("应使用 GET", _BUG, "GET is wanted"),
    43002: Words("应使用 POST", _BUG, "POST is wanted"),
    44002: Words("请求内容为空", _BUG, "the body is empty"),
    44004: Words("文字内容为空", "填写内容", "the text is empty"),
    45002: Words("内容过长", "缩短内容", "the text is too long"),
    46003: Words("还没有菜单", "发布一个菜单", "there is no menu"),
    47001: Words("请求的格式不对", _BUG, "malformed body"),
    65301: Words("没有这个个性化菜单", "重新发布菜单", "no such menu for some"),
    65303: Words("先要有默认菜单，个性化菜单才能生效", "先发布默认菜单", "a menu for all must be there first"),
    # media, articles, mass messages
    40004: Words("素材类型不对", "图片、语音、视频、缩略图各按平台要求的类型上传", "wrong kind of media"),
    40005: Words("文件类型不对", "换成平台支持的格式：图片 jpg、png、gif，语音 mp3、amr，视频 mp4", "wrong type of file"),
    40006: Words("文件过大", "压缩后再上传", "the file is too large"),
    40007: Words("没有这个素材，或已过期", "临时素材只保存 3 天；请重新上传", "no such media, or it ended"),
    40009: Words("图片过大", "压缩到 10 MB 以内", "the picture is too large"),
    40010: Words("语音过大", "压缩到 2 MB、60 秒以内", "the sound is too large"),
    40011: Words("视频过大", "压缩到 10 MB 以内", "the video is too large"),
    40114: Words("图文的序号不对", "序号从 0 开始，不超过文章篇数", "wrong index of an article"),
    41005: Words("没有文件内容", "重新选择文件", "the file is missing"),
    44001: Words("文件是空的", "重新选择文件", "the file is empty"),
    45001: Words("文件超过大小限制", "压缩后再上传", "the file is over the limit"),
    45003: Words("标题过长", "标题不超过 32 个字", "the title is too long"),
    45004: Words("摘要过长", "摘要不超过 128 个字", "the digest is too long"),
    45008: Words("正文过长", "正文少于 2 万字、1 MB", "the article is too long"),
    45067: Words("clientmsgid 过长", _BUG, "clientmsgid is too long"),
    45110: Words("作者名过长", "作者不超过 16 个字", "the author's name is too long"),
    45166: Words("正文里有不允许的内容", "去掉外链、脚本与非微信的图片", "the article holds what is not allowed"),
    53600: Words("没有这篇已发布的文章", "在发布列表里核对", "no such published article"),
    # tags, followers, moved accounts
    40032: Words("openid 的个数不对", "一次 1 至 50 个（黑名单 20 个）", "wrong number of openids"),
    45056: Words("标签已满 100 个", "先删除不用的标签", "there are a hundred tags already"),
    45057: Words("标签下的粉丝超过 10 万，不能直接删除", "先分批取消粉丝的标签", "more than 100,000 people have the tag"),
    45058: Words("系统保留的标签不能修改", "另建一个标签", "the tag is the platform's own"),
    45059: Words("这位粉丝的标签已满 20 个", "先取消她的其他标签", "she has twenty tags already"),
    45157: Words("标签名不合法，或已存在", "换一个名称", "the tag's name is taken or not allowed"),
    45158: Words("标签名过长", "不超过 30 个字节（10 个汉字）", "the tag's name is too long"),
    45159: Words("没有这个标签", "刷新标签列表", "no such tag"),
    49003: Words("openid 属于另一个账号", "确认这位市民属于这个账号", "the openid is another account's"),
    63178: Words("迁移的原账号 AppID 不对", "核对原账号的 AppID", "wrong AppID of the moved account"),
    63182: Words("没有给出 openid", _BUG, "no openids given"),
    63183: Words("两个账号之间没有迁移，或已过 15 天", "在公众平台核对账号迁移；15 天后不能再查询",
                 "the accounts were not moved, or it is long ago"),
    # the mini-program
    40129: Words("小程序码的 scene 不对", "1 至 32 个字符，只用数字、字母与 !#$&'()*+,/:;=?@-._~", "wrong scene of a code"),
    40165: Words("小程序页面路径不对", "填写已发布的页面，不带开头的 / 与参数", "wrong page of the mini-program"),
    40169: Words("scene 的长度不对", "1 至 32 个字符", "wrong length of the scene"),
    40200: Words("这类小程序不能使用这个接口", _UPGRADE, "not for this kind of account"),
    40212: Words("页面参数不对", "只用数字、字母与常用符号，不超过 1024 个字符", "wrong query of a page"),
    40225: Words("页面标题不对", "换一个标题", "wrong title of a page"),
    44990: Words("调用太频繁", _WAIT, "too many calls: wait"),
    45072: Words("输入状态的命令不对", _BUG, "wrong typing command"),
    45080: Words("30 秒内没有消息往来，不能显示“正在输入”", "等市民发言", "nothing was said for 30 seconds"),
    45081: Words("已经在显示“正在输入”", "不必处理", "typing is shown already"),
    85401: Words("链接的到期时间不对", "最长 30 天", "wrong end of a link"),
    85402: Words("链接的有效天数不对", "1 至 30 天", "wrong days of a link"),
    87007: Words("session_key 不存在或已过期", "请市民重新进入小程序", "the session ended: she logs in again"),
    87008: Words("签名方法不对", _BUG, "wrong sig_method"),
    87009: Words("session_key 已更换", "请市民重新进入小程序", "the session is another one: she logs in again"),
    # callback check
    40201: Words("公众平台没有填写服务器地址", "在“设置与开发 → 基本配置 → 服务器配置”填写并启用",
                 "no callback address is entered at the platform"),
    40202: Words("检测动作不对", _BUG, "wrong action"),
    40203: Words("检测的运营商不对", _BUG, "wrong operator"),
    # signed requests
    40230: Words("缺少 Wechatmp-Serial", _KEYS, "Wechatmp-Serial is missing: check the API keys"),
    40231: Words("缺少 Wechatmp-TimeStamp", _BUG, "Wechatmp-TimeStamp is missing"),
    40232: Words("这个接口要求签名，请求没有签名", "设置 WENMING_API_KEYS，或在公众平台关闭“API 安全”",
                 "a signature is demanded: set the API keys"),
    40233: Words("缺少 Wechatmp-Appid", _BUG, "Wechatmp-Appid is missing"),
    40234: Words("请求的签名不对", _KEYS, "the signature is wrong: check the API keys"),
    40235: Words("请求的加密不对", _KEYS, "the encryption is wrong: check the API keys"),
    40236: Words("Wechatmp-Appid 无效", "核对 WENMING_API_KEYS 里的 AppID", "Wechatmp-Appid is invalid"),
    40237: Words("Wechatmp-Appid 与 access_token 不是同一个账号", "核对 WENMING_API_KEYS 里的 AppID",
                 "Wechatmp-Appid is another account's"),
    40238: Words("公众平台没有设置对称密钥", "在“API 安全”设置对称密钥", "no symmetric key is set at the platform"),
    40239: Words("公众平台没有设置应用公钥", "在“API 安全”设置应用公钥", "no public key is set at the platform"),
    40240: Words("签名的时间过旧", "校准服务器时间（NTP）", "the signature is too old: set the clock right"),
}


def words_of(errcode: int) -> Words:
    """What is known of an errcode; one that is in no table says so."""
    return ERRCODES.get(errcode) or Words(f"微信返回错误码 {errcode}", f"在微信开放文档查询“返回码 {errcode}”；{_BUG}",
                                          f"errcode {errcode}: look it up in the platform's documents")


def staff_text(errcode: int, address: str = "") -> str:
    """One line for staff: cause, errcode and what to do."""
    words = words_of(errcode)
    return f"{words.cause}{f'：{address}' if address else ''}（{errcode}）。{words.remedy}"

"""The doctor of the accounts: asks the platform what each can do, and says what will not work, why, and what to do or use instead.

Owns: which harmless questions are asked, and what their answers mean. Does not own: the words of errcodes (wechat/errcodes.py), the machine
and the stores (doctor.py). Changes nothing at the platform; reads nobody's data: where a permission shows only in a call about a person, it
is made with an openid that nobody has.
[doc/offiaccount/Getting_Started/Explanation_of_interface_privileges.html]
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from server.accounts import Accounts, Connected
from server.clock import Clock
from server.doctor import Finding
from server.official import VerificationTexts
from server.wechat.client import Client
from server.wechat.errcodes import words_of
from server.wechat.errors import AnswerUntrusted, CodeRejected, NeverRetry, NoMenu, WeChatError
from server.wechat.signing import Signer

# A callback that is dated more than 60 s ahead of our clock is refused; half of that is still time to set the clock.
CLOCK_APART_SECONDS = 30
# A certificate is ordered, checked and entered within a month.
CERTIFICATE_DAYS = 30
NOBODY = "nobody"
IDENTITY = ("设置 WENMING_OFFICIAL_IDENTITY：miniprogram（小程序）或另一个认证服务号的 AppID "
            "(set it to miniprogram, or to the AppID of a certified service account)")


@dataclass(frozen=True)
class Instance:
    """What the findings depend on beside the accounts. `identity`: WENMING_OFFICIAL_IDENTITY."""

    base_url: str
    is_public: bool
    identity: str

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    def identified_by(self, one: Connected, accounts: Accounts) -> bool:
        """Whether this account tells who web visitors are."""
        main = next((other for other in accounts if other.account.role == "official"), None)
        return self.identity == one.appid or self.identity == "official" and one is main


@dataclass(frozen=True)
class Kind:
    """A kind of official account: what it lacks, as (what, what to do instead)."""

    name: str
    web_login: bool
    lacks: tuple[tuple[str, str], ...] = ()


_SCENES = ("场景二维码 (scene codes)", "用短链接二维码，后台可看每天次数 (short links count their visits)")
_TEMPLATES = ("模板消息、公众号订阅通知 (template messages, subscription notices)", "用小程序订阅消息 (notices of the mini-program)")
_SERVICE = ("客服消息：超过 4.5 秒的回复不会补发 (customer-service messages: a late answer is not sent)",
            "完成微信认证 (certify the account)")
_PEOPLE = ("标签、粉丝列表、素材、发布与群发接口 (tags, followers, materials, publishing, mass messages)",
           "完成微信认证，或在公众平台手工操作 (certify, or by hand)")
_SHARE = ("页面自定义分享卡片 (share cards of pages)", "完成微信认证 (certify the account)")
KINDS = {
    "certified_service": Kind("认证服务号 (certified service account)", True),
    "certified_subscription": Kind("认证订阅号 (certified subscription account)", False, (_SCENES, _TEMPLATES)),
    "service": Kind("未认证服务号 (service account, not certified)", False, (_SERVICE, _PEOPLE, _SCENES, _TEMPLATES, _SHARE)),
    "subscription": Kind("未认证订阅号 (subscription account, not certified)", False, (
        ("自定义菜单接口 (menus)", "用关键词回复代替；启用服务器配置后公众平台手工做的菜单也会停用 (keyword replies instead)"),
        _SERVICE, _PEOPLE, _SCENES, _TEMPLATES, _SHARE))}


async def examine(accounts: Accounts, texts: VerificationTexts, here: Instance, clock: Clock) -> int:
    """Print every finding. Returns 0, or 1 where something failed."""
    failed, entered = 0, await texts.codes()
    for finding in _instance(accounts, here):
        failed += _show(finding)
    for one in accounts:
        account = one.account
        role = "公众号 official account" if account.role == "official" else "小程序 mini-program"
        print(f"\n{account.name or '（未命名 no name）'}  {account.appid}  {role}", flush=True)
        async for finding in findings(one, accounts, here, entered, clock):
            failed += _show(finding)
    print(f"\n{failed} 项失败 (failed)" if failed else "\n没有失败项 (nothing failed)")
    return 1 if failed else 0


def _show(finding: Finding) -> int:
    print(finding, flush=True)
    return finding.mark == "fail"


def _instance(accounts: Accounts, here: Instance) -> Iterator[Finding]:
    wanted = [one for one in accounts if here.identity in (one.appid, one.account.role)]
    if not wanted:
        yield Finding("fail", f"网页访客由 {here.identity} 识别，但没有接入这个账号 (no such account to identify web visitors)", IDENTITY)
    else:
        yield Finding("ok", f"网页访客由 {wanted[0].account.name or wanted[0].appid} 识别 (identifies web visitors)")


async def findings(one: Connected, accounts: Accounts, here: Instance, entered: list[str], clock: Clock) -> AsyncIterator[Finding]:
    """Everything about one account; what cannot be asked without a token is left out where there is none."""
    yield _mode(one)
    try:
        platform_time = await one.client.check_credentials()
    except WeChatError as error:
        yield _refused("access_token", error)
        return
    yield Finding("ok", "access_token: stable_token 可以换取 (can be had)")
    if platform_time is not None:
        yield _clock(clock() - platform_time)
    if one.account.role == "official":
        async for finding in _official(one, here.identified_by(one, accounts)):
            yield finding
    else:
        yield await _login(one.client)
    for finding in [*await _callback(one, accounts, here), *_hosts(one, here, entered), *await _quotas(one), *_certificates(one, clock())]:
        yield finding


def _mode(one: Connected) -> Finding:
    advice = "公众平台改为“安全模式”，并设置 …_MODE=safe (use the safe mode)"
    if one.account.mode == "plain":
        return Finding("note", "回调为明文模式：内容不加密 (callbacks come plain)", advice)
    if one.account.mode == "compatible":
        return Finding("note", "回调为兼容模式：明文与密文同时发送 (callbacks come plain and encrypted)", advice)
    return Finding("ok", "回调为安全模式 (callbacks are encrypted)")


def _clock(apart: float) -> Finding:
    text = f"时钟 clock: 与微信相差 {apart:+.0f} 秒 (apart from the platform's)"
    if abs(apart) > CLOCK_APART_SECONDS:
        return Finding("fail", text, "开启时间同步，如 chrony；相差过大时回调与签名会被拒绝 (synchronise the clock)")
    return Finding("ok", text)


async def _official(one: Connected, identifies: bool) -> AsyncIterator[Finding]:
    menu = await _may(one.client, "cgi-bin/menu/get")
    people = await _may(one.client, "cgi-bin/user/info", openid=NOBODY)
    templates = await _may(one.client, "cgi-bin/template/get_all_private_template")
    try:
        await one.client.jsapi_ticket()
        yield Finding("ok", "JS-SDK 票据可以取得 (the ticket of the JS-SDK can be had)")
    except WeChatError as error:
        yield _refused("JS-SDK", error)
    kind = kind_of(menu, people, templates)
    if kind is None:
        yield Finding("note", "账号类型未能判断：部分接口没有应答 (its kind is not known: some calls were not answered)",
                      "稍后再执行一次 (try again)")
        return
    yield Finding("ok", f"账号类型 kind: {kind.name}")
    for what, instead in kind.lacks:
        yield Finding("note", f"不能用 (not available): {what}", instead)
    yield _web_login(kind, identifies)


def kind_of(menu: bool | None, people: bool | None, templates: bool | None) -> Kind | None:
    """By what it may: templates are the certified service account's, people any certified one's, menus all but the plain subscription's."""
    if None in (menu, people, templates):
        return None
    if templates:
        return KINDS["certified_service"]
    return KINDS["certified_subscription" if people else "service" if menu else "subscription"]


def _web_login(kind: Kind, identifies: bool) -> Finding:
    if kind.web_login:
        return Finding("ok", "网页授权可用 (web OAuth is available)")
    if not identifies:
        return Finding("ok", "没有网页授权，访客由其他账号识别 (no web OAuth; another account identifies visitors)")
    if kind is KINDS["certified_subscription"]:
        return Finding("note", "网页授权：认证订阅号只有主体为政府或媒体的才有 (only of a government or media body)",
                       f"在公众平台“设置与开发 → 接口权限”看“网页授权”；没有就{IDENTITY}")
    return Finding("fail", "没有网页授权，而网页访客要由它识别：市民无法参与 (no web OAuth, and it is to identify visitors)", IDENTITY)


async def _may(client: Client, path: str, openid: str = "") -> bool | None:
    """Whether the account may make a call; None where that cannot be told now."""
    try:
        if openid:
            await client.call("get", path, openid=openid)
        else:
            await client.call("get", path)
    except NoMenu:
        return True
    except NeverRetry as error:
        return error.errcode != 48001  # any other refusal comes after the permission
    except WeChatError:
        return None
    return True


async def _login(client: Client) -> Finding:
    try:
        await client.miniprogram_identity(NOBODY)
    except CodeRejected:  # the AppSecret was believed, the code was not
        return Finding("ok", "小程序登录可用 (logins work)")
    except WeChatError as error:
        return _refused("小程序登录 (logins)", error)
    return Finding("note", "小程序登录：微信接受了不存在的登录码 (a code that does not exist was taken)", "稍后再执行一次 (try again)")


def callback_address(one: Connected, accounts: Accounts, here: Instance) -> str:
    """What is entered at the platform as the address of callbacks: the short one for the first account of its role."""
    main = next(other for other in accounts if other.account.role == one.account.role)
    return f"{here.base_url}/wechat/{one.account.role}{'' if one is main else '/' + one.appid}"


async def _callback(one: Connected, accounts: Accounts, here: Instance) -> list[Finding]:
    address = callback_address(one, accounts, here)
    if not here.is_public:
        return [Finding("ok", f"回调地址 {address}: 未检测，微信访问不到本机地址 (not checked: the platform cannot reach this machine)")]
    try:
        found = await one.reachability.check()
    except WeChatError as error:
        return [_refused(f"回调地址 {address}", error)]
    if not found.dns:
        return [Finding("fail", f"回调地址 {address}: 微信解析不到域名 (the name does not resolve)",
                        "检查域名解析与备案 (look at DNS and ICP filing)")]
    places = " ".join(f"{one.address}({one.operator})" for one in found.dns)
    if found.ping and all(ping.lost for ping in found.ping):
        return [Finding("note", f"回调地址 {address}: 解析到 {places}，ping 没有应答 (pings are not answered)",
                        "防火墙可能只是不答 ping；若收不到消息，请放行 443 端口和“连通”接口列出的微信地址 "
                        "(let in 443 from the platform's addresses)")]
    return [Finding("ok", f"回调地址 {address}: {places} (resolved and pinged)")]


def _hosts(one: Connected, here: Instance, entered: list[str]) -> Iterator[Finding]:
    if not here.is_public:
        return
    if one.account.role == "miniprogram":
        yield Finding("note", f"请人工核对：小程序的服务器域名 (server host, by hand): {here.host}",
                      "小程序后台 → 开发 → 开发管理 → 开发设置 → 服务器域名：request 与 socket 合法域名 (as request and socket host)")
        return
    where = f"公众平台 → 设置与开发 → 账号设置 → 功能设置：“JS接口安全域名”“网页授权域名”都填 {here.host}"
    yield Finding("note", f"请人工核对：接口查不到域名设置 (hosts cannot be asked for, look by hand): {here.host}",
                  f"{where} (enter the host in both)")
    if entered:
        yield Finding("ok", f"域名校验文件已录入 (verification texts): {' '.join(f'MP_verify_{code}.txt' for code in entered)}")
    else:
        yield Finding("note", "还没有录入域名校验文件 (no verification text)",
                      "从上面的页面下载 MP_verify_….txt，执行 .venv/bin/python -m server verification-text MP_verify_….txt "
                      "(enter the file)")


async def _quotas(one: Connected) -> list[Finding]:
    try:
        view = await one.quotas.view()
    except WeChatError as error:
        return [_refused("调用额度 quotas", error)]
    told = [quota for quota in view if quota.remain is not None]
    if not told:
        return [_refused("调用额度 quotas", WeChatError(view[0].errcode if view else 0))]
    spent = words_of(45009)
    found = [Finding("fail", f"{quota.name} {quota.path}: {spent.cause}，已停止调用 (shut until midnight)",
                     f"{spent.remedy} ({spent.english})") for quota in view if quota.shut]
    found += [Finding("note", f"{quota.name} {quota.path}: 已用 {quota.used:,} / {quota.daily_limit:,} (nearly spent)",
                      "查看是谁在频繁调用 (see who calls so often)") for quota in view if quota.nearly_spent and not quota.shut]
    return found or [Finding("ok", f"调用额度 quotas: {len(told)} 个接口都在 80% 以下 (all below 80 %)")]


def _certificates(one: Connected, now: float) -> Iterator[Finding]:
    if one.account.api_keys is None:
        return
    moment = datetime.fromtimestamp(now, UTC)
    for number, certificate in Signer(one.appid, one.account.api_keys).certificates.items():
        until = certificate.not_valid_after_utc
        text = f"平台证书 platform certificate {number}: {until:%Y-%m-%d}"
        renew = "在公众平台“API 安全”下载新证书，加入 WENMING_API_KEYS 的 platform_certs (add the new one)"
        if until < moment:
            yield Finding("fail", f"{text} 已过期 (ended)", renew)
        elif until < moment + timedelta(days=CERTIFICATE_DAYS):
            yield Finding("note", f"{text} 即将过期 (ends soon)", renew)
        else:
            yield Finding("ok", text)


def _refused(what: str, error: WeChatError) -> Finding:
    """A refusal in the words of the table; an address that is to be let in is named, nothing else of what the platform said."""
    if isinstance(error, AnswerUntrusted):
        return Finding("fail", f"{what}: {error.message} (the answer is not signed by the platform's certificate)",
                       "核对 WENMING_API_KEYS 的 platform_certs 与 aes_key (check the certificates and the key)")
    if not error.errcode:
        return Finding("fail", f"{what}: 连不上微信 (the platform does not answer)",
                       "检查出口网络、DNS 与防火墙 (look at network, DNS and firewall)")
    words = words_of(error.errcode)
    address = f"：{error.address}" if error.address else ""
    return Finding("fail", f"{what}: {words.cause}{address}（errcode {error.errcode}）", f"{words.remedy} ({words.english})")

"""Every setting of Wenming, typed, one line of meaning each.

Owns: the names, types and defaults of the `WENMING_*` variables and the checks between them.
Does not own: what anybody does with a value. The composition root reads the settings once and
hands values down; nothing else imports this module.

A value comes from the environment, else from the `.env` file of the working directory. A secret may
also come from a file: `WENMING_SECRET_KEY_FILE=/run/secrets/key` (a trailing line break is dropped).
All problems are reported at once, in one `SettingsError`.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "WENMING_"
MODES = ("plain", "compatible", "safe")
ROLES = ("official", "miniprogram")
MAIN_NAMES = {"official": "公众号", "miniprogram": "小程序"}
API_KEY_PARTS = ("aes_sn", "aes_key", "rsa_sn", "rsa_key")
ACCOUNT_PARTS = ("appid", "secret", "token", "aes_key", "mode")
# An account may name so many web domains at the platform, near enough.
MOST_PUBLIC_URLS = 8
# Settings that may not be written to a log or a screen.
SECRET_WORDS = ("SECRET", "TOKEN", "AES_KEY", "FURTHER_ACCOUNTS", "API_KEYS", "MODERATION_KEY", "REDIS_URL", "MONGODB_URI", "ALARM_ROBOTS",
                "OUTBOUND_PROXY")
ROBOT_KINDS = ("wecom", "dingtalk", "feishu", "webhook", "notice")
# What a robot may be told; `list`: who hears first (1), and who if nobody acknowledges (2, 3, …).
ROBOT_PARTS = ("kind", "name", "url", "secret", "list", "appid", "template_id", "template_kind", "citizens", "fields")
# A city has a handful of groups; each alarm goes to all of a list.
MAX_ROBOTS = 20


class SettingsError(Exception):
    """The environment cannot be run with; `problems` lists every reason, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def setting(default: Any, meaning: str) -> Any:
    """A field with its default and its one line of meaning."""
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """The values in force. An empty text means: not set."""

    host: str = setting("127.0.0.1", "address that the web and intake ports listen on")
    port: int = setting(8888, "web port: pages, API, callbacks, live socket")
    intake_port: int = setting(8889, "intake port: participations alone")
    sandbox_port: int = setting(8890, "port of the WeChat sandbox")
    sandbox_host: str = setting("127.0.0.1", "where this process finds the WeChat sandbox; browsers are always sent to 127.0.0.1")
    data_dir: Path = setting(Path("data"), "folder of the embedded stores, logs, archive and made secrets")
    public_url: str = setting("", "address that citizens use, such as https://h5.example.cn; empty: loopback")
    more_public_urls: str = setting("", "further addresses that lead here, comma-separated, 7 at most; new links may be given one")
    static_url: str = setting("", "address of a CDN that serves /static; empty: this server")
    secret_key: str = setting("", "key that signs tokens and receipts and hashes openids; made once when empty")

    redis_url: str = setting("", "Redis or Redis Cluster; empty: an embedded redis-server")
    redis_cluster: bool = setting(False, "whether redis_url names a Redis Cluster")
    mongodb_uri: str = setting("", "MongoDB with its database name; empty: an embedded MongoDB wire server")
    shards: int = setting(0, "shards of a campaign's counters; 0: one, or four for each master of a cluster")

    official_appid: str = setting("", "official account: AppID; empty: the sandbox's account")
    official_secret: str = setting("", "official account: AppSecret")
    official_token: str = setting("", "official account: Token of the callback")
    official_aes_key: str = setting("", "official account: EncodingAESKey, 43 characters")
    official_mode: str = setting("safe", "official account: plain, compatible or safe callbacks")
    official_name: str = setting("", "official account: what staff call it in the console; empty: 公众号")
    miniprogram_appid: str = setting("", "mini-program: AppID; empty: the sandbox's")
    miniprogram_secret: str = setting("", "mini-program: AppSecret")
    miniprogram_token: str = setting("", "mini-program: Token of the callback")
    miniprogram_aes_key: str = setting("", "mini-program: EncodingAESKey, 43 characters")
    miniprogram_mode: str = setting("safe", "mini-program: plain, compatible or safe callbacks")
    miniprogram_name: str = setting("", "mini-program: what staff call it in the console; empty: 小程序")
    further_accounts: str = setting("", "more accounts, a JSON list of objects: role, appid, secret, token, aes_key, mode, name")
    api_keys: str = setting("", "signed calls: a JSON object of AppID to aes_sn, aes_key, rsa_sn, rsa_key, platform_certs, paths")
    official_identity: str = setting("official", "who identifies web visitors: official, miniprogram, or an official account's AppID")
    callback_max_age_seconds: int = setting(600, "oldest callback taken; 0: any age")

    moderation_url: str = setting("", "address of a moderation provider, see server/moderation/provider.py; empty: none, or the sandbox's")
    moderation_key: str = setting("", "key that signs what the moderation provider is asked, 16 characters at least")

    alarm_robots: str = setting("", "who hears of alarms: a JSON list of objects: kind, name, url, secret, list; see server/robots.py")
    alarm_hosts: str = setting("qyapi.weixin.qq.com,oapi.dingtalk.com,open.feishu.cn", "hosts, comma-separated, that robots may be at")

    outbound_proxy: str = setting("", "HTTP proxy (CONNECT) for calls to platforms outside, such as http://proxy:3128; empty: straight")
    trusted_networks: str = setting("", "networks, comma-separated, that may read /metrics and details of /readyz")
    token_ttl_seconds: int = setting(30 * 86400, "how long a citizen's token lives")
    queue_max_requests: int = setting(20000, "participations that may wait in one process before 503 BUSY")
    request_deadline_seconds: float = setting(2.0, "longest wait of a participation before 503 BUSY")
    journal_max_changes: int = setting(4_000_000, "changes a shard may hold before MongoDB has them; alarm at half")
    drain_seconds: float = setting(0.0, "after SIGTERM, how long a process still serves, not ready any more, until balancers have seen it")
    live_max_sockets: int = setting(20000, "live sockets of one process before 503")
    poster_workers: int = setting(1, "processes that draw posters, of each process that serves pages")
    poster_queue: int = setting(64, "posters that may wait before a friendly refusal")
    log_level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR")
    log_format: str = setting("json", "json: a JSON object a line, a terminal gets text; text: text everywhere")
    metrics_port: int = setting(0, "first of 64 ports of which each process takes one for its /metrics; 0: /metrics on the web port alone")
    metrics_host: str = setting("", "address that /metrics listens on and is scraped under; empty: the host of the web port")
    experience_share: float = setting(0.01, "share of pages that tell how fast they were, 0 to 1")

    release_review: str = setting("auto", "whether campaigns are published after review alone: on, off, or auto: on a public address")
    responsible_person: str = setting("", "who answers for children's data, shown in the privacy notice")

    @property
    def base_url(self) -> str:
        """The address put into links and QR codes, without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://127.0.0.1:{self.port}"

    @property
    def base_urls(self) -> tuple[str, ...]:
        """Every address that may be put into links and QR codes, the usual one first."""
        return self.base_url, *(url.strip().rstrip("/") for url in self.more_public_urls.split(",") if url.strip())

    @property
    def is_public(self) -> bool:
        """Whether people outside this machine are meant to reach us."""
        return not _is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def review_required(self) -> bool:
        """Whether nothing of a campaign is published that was not reviewed."""
        return self.release_review == "on" or self.release_review == "auto" and self.is_public

    @property
    def uses_sandbox(self) -> bool:
        """Whether the WeChat sandbox stands in for the platform: no real account is configured."""
        return all(account["appid"].startswith(SANDBOX_APPID_PREFIX) for account in self.accounts())

    @property
    def uses_embedded_mongodb(self) -> bool:
        return not self.mongodb_uri

    def accounts(self) -> list[dict[str, str]]:
        """Every configured account, the main ones first: appid, secret, token, aes_key, mode, role and name. Raises ValueError."""
        main = [{"role": role, "name": getattr(self, f"{role}_name") or MAIN_NAMES[role],
                 **{part: getattr(self, f"{role}_{part}") for part in ACCOUNT_PARTS}}
                for role in ROLES if getattr(self, f"{role}_appid")]
        further = json.loads(self.further_accounts or "[]")
        if not isinstance(further, list) or not all(isinstance(one, dict) for one in further):
            raise ValueError("not a list of objects")
        defaults = {"role": "official", "name": "", "mode": "safe", **dict.fromkeys(("appid", "secret", "token", "aes_key"), "")}
        return main + [{name: str(one.get(name, default)) for name, default in defaults.items()} for one in further]

    def signing_keys(self) -> dict[str, dict[str, Any]]:
        """What signs calls, by AppID: API_KEY_PARTS, platform_certs (number to PEM) and paths. Raises ValueError."""
        found = json.loads(self.api_keys or "{}")
        if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
            raise ValueError("not an object of objects")
        return {appid: {"paths": [], **one} for appid, one in found.items()}

    def robots(self) -> list[dict[str, Any]]:
        """Who hears of alarms, as written. Raises ValueError."""
        found = json.loads(self.alarm_robots or "[]")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise ValueError("not a list of objects")
        return found

    def shown(self) -> dict[str, str]:
        """The settings in force for people to read, secrets masked."""
        return {name: mask(name, str(getattr(self, f.name))) for f in dataclasses.fields(self) for name in [PREFIX + f.name.upper()]}


def mask(name: str, value: str) -> str:
    """`value` as it may be shown: a secret only as set or not set."""
    return ("***" if value else "") if any(word in name for word in SECRET_WORDS) and "TTL" not in name else value


def load(environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings once.

    Raises SettingsError with every problem: unreadable files, values of a wrong type, unknown names,
    accounts that are half configured, and what a public address refuses.
    """
    given = dict(_read_env_file(env_file)) if env_file else {}
    given.update(os.environ if environ is None else environ)
    problems: list[str] = []
    values: dict[str, Any] = {}
    known = {PREFIX + f.name.upper(): f for f in dataclasses.fields(Settings)}
    for name in given:
        plain = name.removesuffix("_FILE")
        if name.startswith(PREFIX) and plain not in known and not name.startswith(PREFIX + "TEST_"):
            problems.append(f"{name} is not a setting")
    for name, f in known.items():
        text = given.get(name, "")
        if not text and given.get(name + "_FILE"):
            try:
                text = Path(given[name + "_FILE"]).read_text("utf-8").rstrip("\r\n")
            except OSError as error:
                problems.append(f"{name}_FILE cannot be read: {error.strerror}")
                continue
        if text:
            try:
                values[f.name] = _convert(str(f.type), text)
            except ValueError:
                problems.append(f"{name} must be {f.type}, not {mask(name, text)!r}")
    settings = Settings(**values)
    problems += _check(settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _convert(kind: str, text: str) -> Any:
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "bool":
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off"):
            return False
        raise ValueError(text)
    return Path(text) if kind == "Path" else text


def _check(s: Settings) -> list[str]:
    problems = []
    for name in ("port", "intake_port", "sandbox_port"):
        if not 1 <= getattr(s, name) <= 65535:
            problems.append(f"{PREFIX}{name.upper()} must be a port between 1 and 65535")
    if len({s.port, s.intake_port, s.sandbox_port}) < 3:
        problems.append("WENMING_PORT, WENMING_INTAKE_PORT and WENMING_SANDBOX_PORT must differ")
    for name in ("callback_max_age_seconds", "shards", "drain_seconds"):
        if getattr(s, name) < 0:
            problems.append(f"{PREFIX}{name.upper()} must not be negative")
    for name in ("token_ttl_seconds", "queue_max_requests", "request_deadline_seconds", "journal_max_changes",
                 "live_max_sockets", "poster_workers", "poster_queue"):
        if getattr(s, name) <= 0:
            problems.append(f"{PREFIX}{name.upper()} must be more than 0")
    if s.secret_key and len(s.secret_key) < 32:
        problems.append("WENMING_SECRET_KEY must have at least 32 characters")
    if s.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        problems.append("WENMING_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR")
    if s.log_format not in ("json", "text"):
        problems.append("WENMING_LOG_FORMAT must be json or text")
    if s.metrics_port and not 1 <= s.metrics_port <= 65535 - 63:
        problems.append("WENMING_METRICS_PORT must be 0 or a port between 1 and 65472")
    if not 0 <= s.experience_share <= 1:
        problems.append("WENMING_EXPERIENCE_SHARE must be between 0 and 1")
    for name in ("public_url", "static_url", "moderation_url"):
        url = urlsplit(getattr(s, name))
        if getattr(s, name) and (url.scheme not in ("http", "https") or not url.hostname):
            problems.append(f"{PREFIX}{name.upper()} must be an http or https address")
    problems += _check_more_urls(s)
    if s.outbound_proxy and not _is_proxy(s.outbound_proxy):
        problems.append("WENMING_OUTBOUND_PROXY must be an http address with a host and a port")
    if s.moderation_url and len(s.moderation_key) < 16:
        problems.append("WENMING_MODERATION_KEY must have at least 16 characters")
    if s.release_review not in ("on", "off", "auto"):
        problems.append("WENMING_RELEASE_REVIEW must be on, off or auto")
    for network in filter(None, (part.strip() for part in s.trusted_networks.split(","))):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            problems.append(f"WENMING_TRUSTED_NETWORKS: {network} is not a network")
    try:
        accounts = s.accounts()
    except json.JSONDecodeError as error:
        return [*problems, f"WENMING_FURTHER_ACCOUNTS is no JSON: {error.msg} at line {error.lineno} column {error.colno}"]
    except ValueError:
        return [*problems, "WENMING_FURTHER_ACCOUNTS must be a JSON list of objects"]
    problems += _check_further(s)
    main = [role for role in ROLES if getattr(s, f"{role}_appid")]
    named = [*main, *(f"further_accounts[{n}]" for n in range(len(accounts) - len(main)))]
    for name, account in zip(named, accounts, strict=True):
        problems += _check_account(name, account)
    for role in ROLES:
        problems += _check_callbacks(role, getattr(s, f"{role}_mode"), getattr(s, f"{role}_aes_key")) if role not in main else []
    if len({account["appid"] for account in accounts}) < len(accounts):
        problems.append("two accounts have the same AppID")
    identities = ("official", "miniprogram", *(account["appid"] for account in accounts if account["role"] == "official"))
    if s.official_identity not in identities and not (s.uses_sandbox and s.official_identity.startswith(SANDBOX_APPID_PREFIX)):
        problems.append("WENMING_OFFICIAL_IDENTITY must be official, miniprogram or the AppID of an official account")
    problems += _check_api_keys(s, {account["appid"] for account in accounts})
    problems += _check_robots(s, {account["appid"] for account in accounts})
    if s.is_public:
        problems += _check_public(s, accounts)
    return problems


def _check_more_urls(s: Settings) -> list[str]:
    """Bounded, and of the scheme of the usual one: cookies are for https alone or not at all."""
    urls = s.base_urls
    usual, problems = urlsplit(s.base_url), []
    for url in urls[1:]:
        parts = urlsplit(url)
        if parts.scheme != usual.scheme or not parts.hostname or parts.path or parts.query or parts.fragment or parts.username:
            problems.append(f"WENMING_MORE_PUBLIC_URLS: {url} must be an address such as {usual.scheme}://h5.example.cn, without a path")
    if len(urls) > MOST_PUBLIC_URLS or len(set(urls)) < len(urls):
        problems.append(f"WENMING_MORE_PUBLIC_URLS must name {MOST_PUBLIC_URLS - 1} different addresses at most, "
                        "WENMING_PUBLIC_URL not among them")
    return problems


def _check_account(name: str, account: dict[str, str]) -> list[str]:
    upper = f"{PREFIX}{name.upper()}_"
    problems = _check_callbacks(name, account["mode"], account["aes_key"])
    if account["role"] not in ROLES:
        problems.append(f"{upper}ROLE must be official or miniprogram")
    needed = ["appid", "secret", "token"] + (["aes_key"] if account["mode"] != "plain" else [])
    return problems + [f"{upper}{part.upper()} is missing" for part in needed if not account[part]]


def _check_further(s: Settings) -> list[str]:
    """What is misspelt would be taken for what is not set."""
    known = (*ACCOUNT_PARTS, "role", "name")
    return [f"WENMING_FURTHER_ACCOUNTS[{n}].{part} is not known, these are: {', '.join(known)}"
            for n, one in enumerate(json.loads(s.further_accounts or "[]")) for part in one if part not in known]


def _check_api_keys(s: Settings, appids: set[str]) -> list[str]:
    """The shape alone; whether a key can be read is seen where it is used."""
    try:
        found = s.signing_keys()
    except json.JSONDecodeError as error:
        return [f"WENMING_API_KEYS is no JSON: {error.msg} at line {error.lineno} column {error.colno}"]
    except ValueError:
        return ["WENMING_API_KEYS must be a JSON object of objects"]
    problems = []
    for appid, keys in found.items():
        name = f"WENMING_API_KEYS[{appid}]"
        if appid not in appids and not appid.startswith(SANDBOX_APPID_PREFIX):
            problems.append(f"{name} is no configured account")
        problems += [f"{name}.{part} is missing" for part in API_KEY_PARTS if not isinstance(keys.get(part), str) or not keys[part]]
        certificates, paths = keys.get("platform_certs"), keys["paths"]
        if not isinstance(certificates, dict) or not certificates or not all(isinstance(pem, str) for pem in certificates.values()):
            problems.append(f"{name}.platform_certs must be an object of number to PEM")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            problems.append(f"{name}.paths must be a list of paths")
        problems += [f"{name}.{part} is not known" for part in keys if part not in (*API_KEY_PARTS, "platform_certs", "paths")]
    return problems


def _check_robots(s: Settings, appids: set[str]) -> list[str]:
    """No address is put into a problem: its key lets anybody write to the group."""
    try:
        robots = s.robots()
    except ValueError:
        return ["WENMING_ALARM_ROBOTS must be a JSON list of objects"]
    problems = [] if len(robots) <= MAX_ROBOTS else [f"WENMING_ALARM_ROBOTS has more than {MAX_ROBOTS} robots"]
    hosts = {host.strip().lower() for host in s.alarm_hosts.split(",") if host.strip()}
    for n, robot in enumerate(robots):
        name = f"WENMING_ALARM_ROBOTS[{n}]"
        problems += [f"{name}.{part} is not known, these are: {', '.join(ROBOT_PARTS)}" for part in robot if part not in ROBOT_PARTS]
        problems += _check_notice(name, robot, appids) if robot.get("kind") == "notice" else _check_webhook(name, robot, hosts)
        if robot.get("list", 1) not in range(1, 10):
            problems.append(f"{name}.list must be a number from 1 to 9")
    if len({(robot.get("kind"), robot.get("name")) for robot in robots}) < len(robots):
        problems.append("WENMING_ALARM_ROBOTS: two robots have the same kind and name")
    if robots and all(robot.get("kind") == "notice" for robot in robots):
        problems.append("WENMING_ALARM_ROBOTS: the account's own notices alone are not enough, since they fail with it; "
                        "add a group robot or a webhook")
    return problems


def _check_webhook(name: str, robot: dict[str, Any], hosts: set[str]) -> list[str]:
    if robot.get("kind") not in ROBOT_KINDS:
        return [f"{name}.kind must be one of {', '.join(ROBOT_KINDS)}"]
    problems = []
    try:
        url = urlsplit(str(robot.get("url", "")))
        if url.scheme != "https" or not url.hostname or url.username or url.password:
            problems.append(f"{name}.url must be an https address")
        elif url.hostname not in hosts:
            problems.append(f"{name}.url is at {url.hostname}, which WENMING_ALARM_HOSTS does not name")
    except ValueError:
        problems.append(f"{name}.url is no address")
    if not isinstance(robot.get("secret", ""), str) or robot.get("kind") == "webhook" and len(robot.get("secret", "")) < 16:
        problems.append(f"{name}.secret must be a text, of 16 characters at least for a plain webhook")
    return problems


def _check_notice(name: str, robot: dict[str, Any], appids: set[str]) -> list[str]:
    citizens, fields = robot.get("citizens"), robot.get("fields")
    wrong = {
        "appid must be a configured account's": robot.get("appid") not in appids,
        "template_id is missing": not robot.get("template_id"),
        "template_kind must be template, subscription or miniprogram_subscription": robot.get("template_kind", "template") not in (
            "template", "subscription", "miniprogram_subscription"),
        "citizens must be a list of 1 to 20 citizen numbers": not isinstance(citizens, list) or not 1 <= len(citizens) <= 20
            or not all(type(one) is int and one > 0 for one in citizens),
        "fields must map the template's fields to title, text or time": not isinstance(fields, dict) or not fields
            or not set(map(str, fields.values())) <= {"title", "text", "time"}}
    return [f"{name}.{words}" for words, is_wrong in wrong.items() if is_wrong]


def _check_callbacks(name: str, mode: str, aes_key: str) -> list[str]:
    upper = f"{PREFIX}{name.upper()}_"
    problems = [] if mode in MODES else [f"{upper}MODE must be plain, compatible or safe"]
    if aes_key and not re.fullmatch(r"[A-Za-z0-9+/]{43}", aes_key):
        problems.append(f"{upper}AES_KEY must have 43 base64 characters")
    return problems


def _check_public(s: Settings, accounts: list[dict[str, str]]) -> list[str]:
    """What a public address refuses: the sandbox, made secrets, embedded stores are fine for one machine."""
    problems = []
    if urlsplit(s.public_url).scheme != "https":
        problems.append("WENMING_PUBLIC_URL must be https on a public address")
    if s.uses_sandbox:
        problems.append("a public address needs a real account: set WENMING_OFFICIAL_APPID or WENMING_MINIPROGRAM_APPID")
    if not s.secret_key:
        problems.append("a public address needs WENMING_SECRET_KEY")
    for account in accounts:
        if account["appid"].startswith(SANDBOX_APPID_PREFIX):
            problems.append(f"{account['appid']} is a sandbox account, refused on a public address")
        if account["secret"].startswith("sandbox"):
            problems.append(f"{account['appid']} has a sandbox secret, refused on a public address")
    return problems


# Real AppIDs are wx and 16 hexadecimal digits; this prefix is not hexadecimal, so none can be real.
SANDBOX_APPID_PREFIX = "wxsandbox"


def _is_proxy(address: str) -> bool:
    try:
        url = urlsplit(address)
        return url.scheme == "http" and bool(url.hostname and url.port) and url.path in ("", "/") and not url.query
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_env_file(path: Path) -> list[tuple[str, str]]:
    if not path.is_file():
        return []
    pairs = []
    for line in path.read_text("utf-8").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            pairs.append((name.strip(), value.strip().strip("'\"")))
    return pairs

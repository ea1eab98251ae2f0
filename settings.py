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
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "WENMING_"
MODES = ("plain", "compatible", "safe")
# Settings that may not be written to a log or a screen.
SECRET_WORDS = ("SECRET", "TOKEN", "AES_KEY", "REDIS_URL", "MONGODB_URI")


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
    data_dir: Path = setting(Path("data"), "folder of the embedded stores, logs, archive and made secrets")
    public_url: str = setting("", "address that citizens use, such as https://h5.example.cn; empty: loopback")
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
    miniprogram_appid: str = setting("", "mini-program: AppID; empty: the sandbox's")
    miniprogram_secret: str = setting("", "mini-program: AppSecret")
    miniprogram_token: str = setting("", "mini-program: Token of the callback")
    miniprogram_aes_key: str = setting("", "mini-program: EncodingAESKey, 43 characters")
    miniprogram_mode: str = setting("safe", "mini-program: plain, compatible or safe callbacks")
    official_identity: str = setting("official", "who identifies web visitors: official or miniprogram")
    callback_max_age_seconds: int = setting(600, "oldest callback taken; 0: any age")

    trusted_networks: str = setting("", "networks, comma-separated, that may read /metrics and details of /readyz")
    token_ttl_seconds: int = setting(30 * 86400, "how long a citizen's token lives")
    queue_max_requests: int = setting(20000, "participations that may wait in one process before 503 BUSY")
    request_deadline_seconds: float = setting(2.0, "longest wait of a participation before 503 BUSY")
    journal_max_changes: int = setting(4_000_000, "changes a shard may hold before MongoDB has them; alarm at half")
    live_max_sockets: int = setting(20000, "live sockets of one process before 503")
    poster_workers: int = setting(1, "processes that draw posters")
    poster_queue: int = setting(64, "posters that may wait before a friendly refusal")
    log_level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR")

    responsible_person: str = setting("", "who answers for children's data, shown in the privacy notice")

    @property
    def base_url(self) -> str:
        """The address put into links and QR codes, without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://127.0.0.1:{self.port}"

    @property
    def is_public(self) -> bool:
        """Whether people outside this machine are meant to reach us."""
        return not _is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def uses_sandbox(self) -> bool:
        """Whether the WeChat sandbox stands in for the platform: no real account is configured."""
        return all(not appid or appid.startswith(SANDBOX_APPID_PREFIX) for appid in (self.official_appid, self.miniprogram_appid))

    @property
    def uses_embedded_mongodb(self) -> bool:
        return not self.mongodb_uri

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
    for name in ("callback_max_age_seconds", "shards"):
        if getattr(s, name) < 0:
            problems.append(f"{PREFIX}{name.upper()} must not be negative")
    for name in ("token_ttl_seconds", "queue_max_requests", "request_deadline_seconds", "journal_max_changes",
                 "live_max_sockets", "poster_workers", "poster_queue"):
        if getattr(s, name) <= 0:
            problems.append(f"{PREFIX}{name.upper()} must be more than 0")
    if s.secret_key and len(s.secret_key) < 32:
        problems.append("WENMING_SECRET_KEY must have at least 32 characters")
    if s.official_identity not in ("official", "miniprogram"):
        problems.append("WENMING_OFFICIAL_IDENTITY must be official or miniprogram")
    if s.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        problems.append("WENMING_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR")
    for name in ("public_url", "static_url"):
        url = urlsplit(getattr(s, name))
        if getattr(s, name) and (url.scheme not in ("http", "https") or not url.hostname):
            problems.append(f"{PREFIX}{name.upper()} must be an http or https address")
    for network in filter(None, (part.strip() for part in s.trusted_networks.split(","))):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            problems.append(f"WENMING_TRUSTED_NETWORKS: {network} is not a network")
    for account in ("official", "miniprogram"):
        problems += _check_account(s, account)
    if s.is_public:
        problems += _check_public(s)
    return problems


def _check_account(s: Settings, account: str) -> list[str]:
    upper = f"{PREFIX}{account.upper()}_"
    mode = getattr(s, f"{account}_mode")
    problems = [] if mode in MODES else [f"{upper}MODE must be plain, compatible or safe"]
    if getattr(s, f"{account}_appid"):
        needed = ["secret", "token"] + (["aes_key"] if mode != "plain" else [])
        problems += [f"{upper}{part.upper()} is missing" for part in needed if not getattr(s, f"{account}_{part}")]
    key = getattr(s, f"{account}_aes_key")
    if key and not re.fullmatch(r"[A-Za-z0-9+/]{43}", key):
        problems.append(f"{upper}AES_KEY must have 43 base64 characters")
    return problems


def _check_public(s: Settings) -> list[str]:
    """What a public address refuses: the sandbox, made secrets, embedded stores are fine for one machine."""
    problems = []
    if urlsplit(s.public_url).scheme != "https":
        problems.append("WENMING_PUBLIC_URL must be https on a public address")
    if s.uses_sandbox:
        problems.append("a public address needs a real account: set WENMING_OFFICIAL_APPID or WENMING_MINIPROGRAM_APPID")
    if not s.secret_key:
        problems.append("a public address needs WENMING_SECRET_KEY")
    for account in ("official", "miniprogram"):
        if getattr(s, f"{account}_appid").startswith(SANDBOX_APPID_PREFIX):
            problems.append(f"{PREFIX}{account.upper()}_APPID is a sandbox account, refused on a public address")
        if getattr(s, f"{account}_secret").startswith("sandbox"):
            problems.append(f"{PREFIX}{account.upper()}_SECRET is a sandbox secret, refused on a public address")
    return problems


# Real AppIDs are wx and 16 hexadecimal digits; this prefix is not hexadecimal, so none can be real.
SANDBOX_APPID_PREFIX = "wxsandbox"


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

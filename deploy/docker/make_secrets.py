"""Makes the secrets that a deployment of containers shares, each once: `python -m deploy.docker.make_secrets FOLDER [--sandbox]`.

Owns: what lies in FOLDER/{app,redis,mongodb,grafana,sandbox}. What is there stays as it is, so it may be run at every start, and a file
that people put there themselves (a WeChat secret, a key from another host) is never touched. Nothing is printed but names.

Files are readable by their owner and group (10001), which the containers of Redis, MongoDB and Grafana are given as a further group. Each
service mounts its own folder alone. `--sandbox`: also the accounts of the simulated platform, for one-user machines.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from pathlib import Path

from server.embedded.secrets import further_accounts, sandbox_accounts

# 32 bytes as text, as strong as the keys derived from it; hexadecimal, so that it needs no escape in an address.
SECRET_BYTES = 32
# MongoDB takes 6 to 1024 characters of base64 as the key of its members.
KEYFILE_BYTES = 96
MODE = 0o640


def keep(path: Path, text: str) -> str:
    """The text of the file; made of `text` where there is none, whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        beside = path.with_name(path.name + ".new")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), MODE)  # whatever the umask
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        print(f"made {path}")
    return path.read_text("utf-8").strip()


def stores(folder: Path, redis: str, mongodb: str) -> None:
    """Passwords of the stores, and the addresses with them that the product is given."""
    password = keep(folder / "redis" / "password", secrets.token_hex(SECRET_BYTES))
    keep(folder / "redis" / "auth.conf", f"requirepass {password}\nmasterauth {password}\n")
    keep(folder / "app" / "redis_url", f"redis://:{password}@{redis}")
    keep(folder / "mongodb" / "keyfile", secrets.token_urlsafe(KEYFILE_BYTES).replace("-", "+").replace("_", "/"))
    keep(folder / "mongodb" / "root_password", secrets.token_hex(SECRET_BYTES))
    own = keep(folder / "mongodb" / "wenming_password", secrets.token_hex(SECRET_BYTES))
    keep(folder / "app" / "mongodb_uri", f"mongodb://wenming:{own}@{mongodb}")


def sandbox(folder: Path) -> None:
    """The simulated accounts: the whole file for the sandbox, and one file for each setting that the product is given."""
    path = folder / "sandbox" / "accounts.json"
    if not path.exists():
        sandbox_accounts(path, "safe", "safe")
        print(f"made {path}")
    accounts = json.loads(path.read_text("utf-8"))
    for name in ("official", "miniprogram"):
        for part in ("secret", "token", "aes_key"):
            keep(folder / "app" / f"{name}_{part}", accounts[name][part])
    keep(folder / "app" / "further_accounts", further_accounts(accounts))


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.docker.make_secrets")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--redis", default="redis:6379", help="host and port of Redis, without a password")
    parser.add_argument("--mongodb", required=True, help="hosts, database and options of MongoDB, without a password")
    parser.add_argument("--sandbox", action="store_true")
    options = parser.parse_args(words)
    keep(options.folder / "app" / "secret_key", secrets.token_hex(SECRET_BYTES))
    keep(options.folder / "grafana" / "admin_password", secrets.token_hex(SECRET_BYTES // 2))
    stores(options.folder, options.redis, options.mongodb)
    if options.sandbox:
        sandbox(options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

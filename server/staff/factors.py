"""Second factors: one-time codes of an authenticator app (TOTP, RFC 6238) and recovery codes on paper."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from urllib.parse import quote

# As every authenticator app has them: SHA-1, 30 s, six digits, a secret of 160 bits.
STEP_SECONDS, DIGITS, SECRET_BYTES = 30, 6, 20
# A phone's clock may be a step off either way, and typing takes time.
DRIFT_STEPS = 1
RECOVERY_CODES = 10
# Ten characters out of 31: 49 bits, far more than can be tried against a lock-out.
RECOVERY_CHARACTERS, RECOVERY_ALPHABET = 10, "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """A TOTP secret as apps want it, in base32 without padding (20 bytes need none)."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def totp(secret: str, step: int, digits: int = DIGITS) -> str:
    """The code of a step (RFC 4226 over the count of 30 s)."""
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    start = mac[-1] & 15
    return str((struct.unpack_from(">I", mac, start)[0] & 0x7FFFFFFF) % 10**digits).zfill(digits)


def step_of(secret: str, code: str, now: float) -> int | None:
    """Which step a code is of, or None where it is wrong. Every step is compared, whatever matches."""
    current, found = int(now // STEP_SECONDS), None
    for step in range(current - DRIFT_STEPS, current + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp(secret, step).encode(), code.encode()):
            found = step
    return found


def otpauth(secret: str, name: str, issuer: str) -> str:
    """What the QR code for an authenticator app holds."""
    return f"otpauth://totp/{quote(f'{issuer}:{name}')}?secret={secret}&issuer={quote(issuer)}"


def new_recovery_codes() -> list[str]:
    """Codes to print, such as ab3de-fgh4k."""
    half = RECOVERY_CHARACTERS // 2
    made = ("".join(secrets.choice(RECOVERY_ALPHABET) for _ in range(RECOVERY_CHARACTERS)) for _ in range(RECOVERY_CODES))
    return [f"{code[:half]}-{code[half:]}" for code in made]


def recovery_digest(key: bytes, name: str, code: str) -> str:
    """How a recovery code is kept: 49 random bits under a key that MongoDB does not hold need no slow hash."""
    plain = "".join(code.lower().split()).replace("-", "")
    return hmac.new(key, f"{name}:{plain}".encode(), hashlib.sha256).hexdigest()[:32]

"""The same job as FastAPI's and redis-py's own guides would have it: a model for the body, one script call a request.

It verifies the same token, validates the body, counts a citizen once with her region and a journal entry in one atomic script,
and signs a receipt. What it does not have: epochs, windows by the server's clock, recovery, receipts that restore, a ledger.
"""

from __future__ import annotations

import os
import time
from typing import Annotated, Literal

import redis.asyncio
from fastapi import FastAPI, Header, HTTPException
from pydantic import BaseModel

from server.clock import iso
from server.counting.receipts import Receipt, Receipts
from server.errors import NotAuthorised
from server.tokens import Tokens

SCRIPT = """
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then return {0, known} end
local ordinal = redis.call('INCR', KEYS[2])
local value = ordinal .. ':' .. ARGV[3]
redis.call('HSET', KEYS[1], ARGV[1], value)
redis.call('HINCRBY', KEYS[3], 'region:' .. ARGV[2], 1)
redis.call('HINCRBY', KEYS[3], 'minute:' .. math.floor(ARGV[3] / 60), 1)
redis.call('XADD', KEYS[4], '*', 'citizen', ARGV[1], 'region', ARGV[2], 'ordinal', ordinal)
return {1, value}
"""
KEYS = ["peer:citizens", "peer:total", "peer:totals", "peer:journal"]

secret = os.environ["WENMING_SECRET_KEY"].encode()
tokens, receipts = Tokens(secret, 86400), Receipts(secret)
# A pool that waits, as redis-py advises where more may ask than it holds.
client = redis.asyncio.Redis.from_pool(redis.asyncio.BlockingConnectionPool.from_url(
    os.environ["PEER_REDIS_URL"], max_connections=256, timeout=10))
count = client.register_script(SCRIPT)
app = FastAPI()


class Salute(BaseModel):
    activity: Literal["salute", "heroes", "children"]
    region: str
    unit: str | None = None
    receipt: str | None = None


class Answer(BaseModel):
    ordinal: int
    first: bool
    activities: list[str]
    participated_at: str
    durable: bool
    receipt: str
    period: str


@app.post("/api/v1/campaigns/{slug}/participations", status_code=201)
async def participate(slug: str, salute: Salute, authorization: Annotated[str, Header()]) -> Answer:
    now = time.time()
    try:
        citizen = tokens.read(authorization.removeprefix("Bearer "), now).citizen
    except NotAuthorised as error:
        raise HTTPException(401) from error
    first, value = await count(keys=KEYS, args=[citizen, salute.region, int(now)])
    ordinal, second = map(int, value.split(b":"))
    receipt = receipts.sign(Receipt(slug, "all", citizen, ordinal, second, 1, salute.region, ""))
    return Answer(ordinal=ordinal, first=bool(first), activities=["salute"], participated_at=iso(second), durable=False, receipt=receipt,
                  period="all")

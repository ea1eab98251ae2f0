"""The name of a request: from the proxy through both doors to the ledger, and nothing of a person beside it in the log."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import pytest

from handlers.participations import TRACED
from server import logs
from server.errors import Unavailable
from tests.app_world import SLUG
from tests.handlers.wire import BODY, PATH, request

pytestmark = pytest.mark.gen_test(timeout=60)
NAME = "0123456789abcdef0123456789abcd"
TRACE = re.compile(rf"salute of {SLUG}:all with ordinal (\d+) is change (\d+)")


@pytest.fixture
def named_lines():
    """What each line of the log was written for: (name of the request, text)."""
    found: list[tuple[str, str]] = []

    class Kept(logging.Handler):
        def emit(self, record):
            found.append((logs.request_id.get(), record.getMessage()))

    handler = Kept()
    logging.getLogger("handlers").addHandler(handler)
    logging.getLogger("server").addHandler(handler)
    yield found
    logging.getLogger("handlers").removeHandler(handler)
    logging.getLogger("server").removeHandler(handler)


class TestTheWebPort:
    async def test_the_proxy_s_name_is_answered_and_stands_in_refusals(self, app):
        answer = await app.fetch("/api/v1/campaigns/nothing", X_Request_Id=NAME)
        assert answer.headers["X-Request-Id"] == json.loads(answer.body)["error"]["request_id"] == NAME

    @pytest.mark.parametrize("given", ["short", "x" * 65, "a b c d e f g h", "<script>alert</script>"])
    async def test_what_is_no_name_is_replaced(self, app, given):
        answer = await app.fetch("/healthz", X_Request_Id=given)
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])

    async def test_lines_of_services_carry_it(self, app, named_lines, caplog):
        caplog.set_level("INFO")
        await app.fetch("/api/v1/campaigns/nothing", X_Request_Id=NAME)
        assert [name for name, text in named_lines if "refused" in text] == [NAME]
        assert logs.request_id.get() == ""

    async def test_requests_beside_each_other_keep_theirs(self, app, named_lines, caplog):
        caplog.set_level("INFO")
        names = [f"{n:032x}" for n in range(20)]
        await asyncio.gather(*(app.fetch("/api/v1/campaigns/nothing", X_Request_Id=name) for name in names))
        assert sorted(name for name, text in named_lines if "refused" in text) == names


class TestTheIntake:
    async def test_a_refusal_names_the_request(self, app, wire):
        await wire.send(request(extra=f"X-Request-ID: {NAME}"))
        status, headers, body = await wire.answer()
        assert (status, headers["x-request-id"], json.loads(body)["error"]["request_id"]) == (401, NAME, NAME)

    async def test_a_bug_is_logged_under_the_name_that_she_is_told(self, app, wire, named_lines, monkeypatch):
        def broken(*_args):
            raise ValueError("bug")

        monkeypatch.setattr(app.services.tokens, "read", broken)
        await wire.send(request((await app.citizen())["Authorization"]))
        status, headers, _ = await wire.answer()
        assert (status, named_lines) == (500, [(headers["x-request-id"], "a request of the intake failed")])

    async def test_what_is_no_name_is_replaced(self, app, wire):
        await wire.send(request(extra='X-Request-ID: {"not": "a name"}'))
        assert re.fullmatch("[0-9a-f]{16}", (await wire.answer())[1]["x-request-id"])

    async def test_one_salute_in_many_is_logged_with_its_change_and_the_others_are_not(self, app, wire, named_lines, caplog):
        caplog.set_level("INFO")
        for end in (TRACED, "01"):
            who = await app.citizen()
            await wire.send(request(who["Authorization"], extra=f"X-Request-ID: {NAME}{end}"))
            assert (await wire.answer())[0] == 201
        assert [(name, bool(TRACE.fullmatch(text))) for name, text in named_lines if "is change" in text] == [(NAME + TRACED, True)]

    async def test_a_refusal_for_the_moment_is_counted_by_its_reason(self, app, wire, monkeypatch):
        def busy(*_args):
            raise Unavailable()

        monkeypatch.setattr(app.services.counting.admission, "check", busy)
        await wire.send(request((await app.citizen())["Authorization"]))
        assert (await wire.answer())[0] == 503
        answer = await app.fetch(PATH, "POST", BODY, **await app.citizen())
        assert answer.code == 503
        assert app.services.metrics.series("requests_refused_total", "busy").value == 2


async def test_from_a_request_to_what_mongodb_has_of_it(app, wire, named_lines, caplog):
    """The way that an operator goes: name -> change -> stretch that the ledger wrote -> document."""
    caplog.set_level("DEBUG")
    for end in ("01", TRACED):
        who = await app.citizen()
        await wire.send(request(who["Authorization"], extra=f"X-Request-ID: {NAME}{end}"))
        assert (await wire.answer())[0] == 201
    (ordinal, change), = [TRACE.fullmatch(text).groups() for name, text in named_lines if name == NAME + TRACED and "is change" in text]
    campaign = await app.services.campaigns.get(SLUG)
    shard = app.services.counting.period(campaign, "all").handles[(int(ordinal) - 1) % campaign.shards].shard
    ledgers = app.services.ledgers
    fence = await app.services.epochs.take_journal(shard.id, "a test", 0.0)
    assert await ledgers._ledger.step(shard, campaign, fence) == 2
    (first, last), = [found.groups() for _, text in named_lines
                      if (found := re.fullmatch(rf"wrote changes (\d+) to (\d+) of {shard.id}", text))]
    assert int(first) <= int(change) <= int(last)
    documents = await app.services.stores.mongo["participations"].find(
        {"pos": {"$gte": f"{shard.id}:", "$lt": f"{shard.id};"}}).limit(10).to_list(None)
    assert [d["ordinal"] for d in documents if d["seq"] == int(change)] == [int(ordinal)]


async def test_no_token_and_no_word_of_a_person_is_in_any_line(app, wire, caplog):
    """At the loudest, through both doors, with what is right, wrong and odd."""
    caplog.set_level("DEBUG")
    who = await app.citizen()
    token = who["Authorization"].split()[1]
    secrets = [token, "王小红独一无二", "13800138000", "oSecretOpenid0123456789"]
    odd = json.dumps({"activity": "salute", "region": secrets[1], "name": secrets[1], "phone": secrets[2], "code": secrets[3]}).encode()
    for body in (BODY, odd, b"{" + odd):
        await wire.send(request(who["Authorization"], body, extra=f"X-Request-ID: {NAME}\r\nCookie: wenming_citizen={token}x"))
        await wire.answer()
        for path in (PATH, f"/api/v1/campaigns/{SLUG}/messages", f"/api/v1/campaigns/{SLUG}/experience", "/api/v1/session/miniprogram",
                     "/api/v1/citizens/me/phone", f"/api/v1/campaigns/{SLUG}/complaints"):
            await app.fetch(f"{path}?code={secrets[3]}&phone={secrets[2]}", "POST", body, X_Request_Id=f"{NAME}77", **who)
        await app.fetch(PATH, "POST", body, Authorization=f"Bearer {token}x")
    await app.fetch(f"/auth/official/callback?code={secrets[3]}&state={token}")
    formatted = [form.format(record) for form in (logs.JsonLines(), logs.PlainLines()) for record in caplog.records]
    assert any("is change" in line for line in formatted)
    for secret in (*secrets, secrets[1].encode("unicode_escape").decode()):
        assert [line for line in formatted if secret in line] == [], secret

"""One suite, two doors: the web port and the intake port answer every salute alike."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime

import msgspec
import pytest

from handlers.base import MAX_BODY_BYTES
from server.clock import iso
from server.counting.admission import FEWEST_INSIDE, MAX_LAG_SECONDS
from tests.app_world import SLUG, add_campaign, campaign

pytestmark = pytest.mark.gen_test(timeout=40)

PATH = f"/api/v1/campaigns/{SLUG}/participations"
OURS = "http://127.0.0.1:8888"  # the web port of the settings
SALUTE = {"activity": "salute", "region": "350602"}


@pytest.fixture(params=["web", "intake"])
def door(request, app):
    """Sends to one door; gives (status, code or None, body, headers)."""
    base = app.base if request.param == "web" else app.intake

    async def send(body=SALUTE, path=PATH, method="POST", **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await app.fetch(path, method, raw, base=base, **headers)
        answer = msgspec.json.decode(response.body) if response.body else {}
        return response.code, answer.get("error", {}).get("code"), answer, response.headers

    return send


async def totals(app):
    figures = await app.services.counting.figures(SLUG, None, time.time())
    return figures.participants, figures.participations


class TestCounting:
    async def test_a_first_salute_is_201_with_everything_the_page_shows(self, app, door):
        status, _, answer, headers = await door({**SALUTE, "unit": "school-1"}, **await app.citizen())
        assert status == 201 and set(answer) == {"ordinal", "first", "activities", "participated_at", "durable", "receipt", "period"}
        assert (answer["ordinal"], answer["first"], answer["activities"], answer["period"]) == (1, True, ["salute"], "all")
        assert answer["participated_at"].endswith("+08:00")
        assert headers["Content-Type"] == "application/json; charset=UTF-8" and headers["Cache-Control"] == "no-store"

    async def test_a_repeat_is_200_with_the_first_answer(self, app, door):
        citizen = await app.citizen()
        _, _, first, _ = await door(**citizen)
        status, _, again, _ = await door({"activity": "salute", "receipt": first["receipt"]}, **citizen)
        assert status == 200 and not again["first"]
        assert (again["ordinal"], again["participated_at"]) == (first["ordinal"], first["participated_at"])

    async def test_a_second_activity_is_201_with_the_first_ordinal(self, app, door):
        citizen = await app.citizen()
        await door(**citizen)
        status, _, answer, _ = await door({"activity": "heroes"}, **citizen)
        assert (status, answer["ordinal"], answer["first"], answer["activities"]) == (201, 1, False, ["salute", "heroes"])
        assert await totals(app) == (1, 2)

    async def test_thirty_posts_at_once_are_one_participation(self, app, door):
        citizen = await app.citizen()
        answers = await asyncio.gather(*(door(**citizen) for _ in range(30)))
        assert {answer["ordinal"] for _, _, answer, _ in answers} == {1}
        assert sum(answer["first"] for _, _, answer, _ in answers) == 1
        assert await totals(app) == (1, 1)

    async def test_the_cookie_does_what_the_bearer_does(self, app, door):
        token = (await app.citizen())["Authorization"].removeprefix("Bearer ")
        assert (await door(Cookie=f"a=b; wenming_citizen={token}; c=d"))[0] == 201
        assert (await door(Authorization=f"bearer {token}"))[0] == 200

    async def test_fields_that_we_do_not_know_are_left_alone(self, app, door):
        assert (await door({**SALUTE, "new": [1]}, **await app.citizen()))[0] == 201

    async def test_null_is_nothing(self, app, door):
        body = {**SALUTE, "unit": None, "receipt": None, "first_tried_at": None}
        assert (await door(body, **await app.citizen()))[0] == 201

    @pytest.mark.parametrize("receipt", ["", "x", "é", "A" * 5000, "AAAA" * 30])
    async def test_a_receipt_that_is_none_counts_for_nothing(self, app, door, receipt):
        assert (await door({**SALUTE, "receipt": receipt}, **await app.citizen()))[0] == 201

    async def test_the_receipt_of_another_gives_nothing_of_hers(self, app, door):
        _, _, wangs, _ = await door(**await app.citizen())
        status, _, answer, _ = await door({**SALUTE, "receipt": wangs["receipt"]}, **await app.citizen())
        assert (status, answer["ordinal"]) == (201, 2)


class TestWhoIsCalling:
    @pytest.mark.parametrize(("headers", "code"), [
        ({}, "TOKEN_MISSING"), ({"Cookie": "other=1"}, "TOKEN_MISSING"), ({"Cookie": "wenming_citizen="}, "TOKEN_MISSING"),
        ({"Cookie": "wenming_citizen=x"}, "TOKEN_INVALID"), ({"Authorization": "Bearer x"}, "TOKEN_INVALID"),
        ({"Authorization": "Bearer "}, "TOKEN_INVALID"), ({"Authorization": "Bearer"}, "TOKEN_INVALID"),
        ({"Authorization": "Basic YTpi"}, "TOKEN_INVALID"), ({"Authorization": "Bearer " + "A" * 32}, "TOKEN_INVALID"),
        ({"Authorization": "Bearer " + "é" * 32}, "TOKEN_INVALID"), ({"Authorization": "Bearer " + "A" * 3000}, "TOKEN_INVALID"),
    ])
    async def test_nobody_is_401(self, app, door, headers, code):
        status, found, answer, sent = await door(**headers)
        assert (status, found) == (401, code)
        assert set(answer["error"]) == {"code", "message", "request_id"} and sent["X-Request-Id"] == answer["error"]["request_id"]
        assert await totals(app) == (0, 0)

    async def test_a_bad_bearer_is_not_rescued_by_a_good_cookie(self, app, door):
        token = (await app.citizen())["Authorization"].removeprefix("Bearer ")
        assert (await door(Authorization="Bearer x", Cookie=f"wenming_citizen={token}"))[:2] == (401, "TOKEN_INVALID")

    async def test_an_old_token_is_401(self, app, door):
        tokens = app.services.tokens
        old = tokens.issue(7, time.time() - tokens.ttl_seconds - 1)
        assert (await door(Authorization=f"Bearer {old}"))[:2] == (401, "TOKEN_EXPIRED")

    async def test_who_deleted_herself_is_401(self, app, door):
        citizen = await app.citizen()
        await door(**citizen)
        assert (await app.fetch("/api/v1/citizens/me", "DELETE", **citizen)).code in (200, 202, 204)
        assert (await door(**citizen))[:2] == (401, "TOKEN_INVALID")
        assert await totals(app) == (1, 1)

    async def test_who_was_voided_is_403(self, app, door):
        citizen = await app.citizen()
        await door(**citizen)
        await app.services.ledgers.tick(time.time())  # what is voided must have reached MongoDB
        await app.services.amendments.void(await app.services.campaigns.get(SLUG), "all", 1)
        assert (await door(**citizen))[:2] == (403, "VOIDED")
        assert await totals(app) == (0, 0)


BAD_BODIES = {
    "nothing": b"", "a space": b" ", "half": b'{"activity":', "two": b"{}{}", "text": b"hello", "a list": b"[]", "null": b"null",
    "a number": b"1", "no UTF-8": b'{"activity":"\xff"}', "NUL": b'{"activity":"a\x00"}',
    "deep": b'{"a":' * 1300 + b"1" + b"}" * 1300, "NaN": b'{"activity":NaN}',
    "no activity": b"{}", "an activity of another type": b'{"activity":7}',
    "a region of another type": b'{"activity":"salute","region":[]}',
    "a unit of another type": b'{"activity":"salute","region":"350602","unit":{}}',
    "a moment that is none": b'{"activity":"salute","region":"350602","first_tried_at":"yesterday"}',
    "a day for a moment": b'{"activity":"salute","region":"350602","first_tried_at":"2026-10-01"}',
    "a number for a moment": b'{"activity":"salute","region":"350602","first_tried_at":1790000000}',
    "no region at first": b'{"activity":"salute"}', "an empty region": b'{"activity":"salute","region":""}',
}


class TestBadInput:
    @pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
    async def test_what_is_no_salute_is_422(self, app, door, body):
        assert (await door(body, **await app.citizen()))[:2] == (422, "INVALID_BODY")
        assert await totals(app) == (0, 0)

    @pytest.mark.parametrize(("change", "code", "field"), [
        ({"activity": "nothing"}, "UNKNOWN_ACTIVITY", "activity"), ({"activity": ""}, "UNKNOWN_ACTIVITY", "activity"),
        ({"region": "999999"}, "UNKNOWN_REGION", "region"), ({"region": "x" * 4000}, "UNKNOWN_REGION", "region"),
        ({"unit": "nobody"}, "UNKNOWN_UNIT", "unit"), ({"region": "declined", "unit": "school-1"}, "UNKNOWN_UNIT", "unit"),
    ])
    async def test_unknown_things_are_422_with_their_field(self, app, door, change, code, field):
        status, found, answer, _ = await door({**SALUTE, **change}, **await app.citizen())
        assert (status, found, answer["error"]["field"]) == (422, code, field)
        assert await totals(app) == (0, 0)

    @pytest.mark.parametrize("moment", ["2026-10-01T08:00:00+08:00", "0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00",
                                        "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59", "2999-01-01T00:00:00Z", "2026-10-01T08:00:00"])
    async def test_a_first_try_at_a_nonsense_moment_counts_as_now(self, app, door, moment):
        status, _, answer, _ = await door({**SALUTE, "first_tried_at": moment}, **await app.citizen())
        assert status == 201 and abs(_seconds(answer) - time.time()) < 30

    async def test_8_kb_are_taken_and_one_byte_more_is_413(self, app, door):
        body = json.dumps(SALUTE).encode()
        assert (await door(body + b" " * (MAX_BODY_BYTES - len(body)), **await app.citizen()))[0] == 201
        assert (await door(body + b" " * (MAX_BODY_BYTES - len(body) + 1), **await app.citizen()))[:2] == (413, "BODY_TOO_LARGE")
        assert (await door(b" " * 1_000_000, **await app.citizen()))[:2] == (413, "BODY_TOO_LARGE")
        assert await totals(app) == (1, 1)

    @pytest.mark.parametrize("slug", ["nobody", "a", "x" * 32])
    async def test_another_campaign_is_404(self, app, door, slug):
        assert (await door(path=PATH.replace(SLUG, slug), **await app.citizen()))[:2] == (404, "CAMPAIGN_NOT_FOUND")

    @pytest.mark.parametrize("path", [PATH + "/", PATH + "x", "/api/v1/campaigns//participations", "/api/v1/campaigns/UPPER/participations",
                                      f"/api/v1/campaigns/{'x' * 33}/participations", "/api/v2", "/%00", "/..%2f"])
    async def test_another_path_is_404(self, app, door, path):
        assert (await door(path=path, **await app.citizen()))[:2] == (404, "NOT_FOUND")

    async def test_a_query_changes_nothing(self, app, door):
        assert (await door(path=PATH + "?activity=heroes&x=" + "y" * 500, **await app.citizen()))[0] == 201

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
    async def test_another_method_is_405_and_says_which_are_right(self, app, door, method):
        status, code, _, headers = await door(method=method, **await app.citizen())
        assert (status, code) == (405, "METHOD_NOT_ALLOWED") and "POST" in headers["Allow"]
        assert await totals(app) == (0, 0)


class TestWho:
    @pytest.mark.parametrize("cookie", ["wenming_citizen={a}", "x=1; wenming_citizen={a}; y", "wenming_citizen={a}; wenming_citizen={b}",
                                        'wenming_citizen="{a}"', "wenming_citizen= {a}", "wenming_citizen=; wenming_citizen={a}",
                                        "wenming_citizen={a}; wenming_citizen=", "wenming_citizen"])
    async def test_both_doors_read_the_same_citizen_out_of_cookies(self, app, cookie):
        counted = []
        for base in (app.base, app.intake):
            two = [(await app.citizen())["Authorization"] for _ in "ab"]
            sent = cookie.format(a=two[0].removeprefix("Bearer "), b=two[1].removeprefix("Bearer "))
            answer = await app.fetch(PATH, "POST", json.dumps(SALUTE).encode(), base=base, Cookie=sent)
            counted.append((answer.code, *[(await app.fetch(PATH + "/me", Authorization=one)).code for one in two]))
        assert counted[0] == counted[1]

    async def test_what_a_browser_asks_before_it_posts_is_answered_under_overload_too(self, app, door):
        admission = app.services.counting.admission
        admission.inside, admission._lag_seconds, admission._due = FEWEST_INSIDE, MAX_LAG_SECONDS * 2, float("inf")
        assert (await door(b"", method="OPTIONS", Origin=OURS))[0] == 204
        admission.inside = 0


class TestStates:
    async def test_a_draft_does_not_exist(self, app, door):
        await add_campaign(app.services, campaign(slug="draft"), ())
        assert (await door(path=PATH.replace(SLUG, "draft"), **await app.citizen()))[:2] == (404, "CAMPAIGN_NOT_FOUND")

    async def test_a_scheduled_one_is_not_open(self, app, door):
        await add_campaign(app.services, campaign(slug="soon", opens_at=int(time.time()) + 3600), ("scheduled",))
        assert (await door(path=PATH.replace(SLUG, "soon"), **await app.citizen()))[:2] == (409, "CAMPAIGN_NOT_OPEN")

    @pytest.mark.parametrize(("state", "code"), [("paused", "CAMPAIGN_PAUSED"), ("frozen", "CAMPAIGN_FROZEN")])
    async def test_paused_and_frozen_refuse_the_new_and_answer_who_took_part(self, app, door, state, code):
        wang, li = await app.citizen(), await app.citizen()
        await door(**wang)
        await app.services.campaigns.transition(SLUG, state, time.time())
        assert (await door(**li))[:2] == (409, code)
        status, _, answer, _ = await door(**wang)
        assert (status, answer["ordinal"]) == (200, 1)
        assert await totals(app) == (1, 1)

    async def test_one_that_ends_after_2038_counts_like_any_other(self, app, door):
        await add_campaign(app.services, campaign(slug="long", closes_at=2_400_000_000))
        assert (await door(path=PATH.replace(SLUG, "long"), **await app.citizen()))[0] == 201

    async def test_an_ended_one_says_so(self, app, door):
        app.services.counting.clock_override = (await app.services.campaigns.get(SLUG)).closes_at + 1800
        assert (await door(**await app.citizen()))[:2] == (409, "CAMPAIGN_ENDED")


def _seconds(answer):
    return datetime.fromisoformat(answer["participated_at"]).timestamp()


def test_moments_are_written_in_shanghai_time():
    assert iso(1_790_812_800) == "2026-10-01T08:00:00+08:00"


class TestOurOwnPages:
    async def test_a_page_of_ours_under_another_port_may_read_answers_and_refusals(self, app, door):
        ours = OURS
        for headers in (await app.citizen(), {}):
            *_, answered = await door(Origin=ours, **headers)
            assert (answered["Access-Control-Allow-Origin"], answered["Access-Control-Allow-Credentials"]) == (ours, "true")
            assert answered["Vary"] == "Origin"

    async def test_a_browser_is_told_before_it_posts(self, app, door):
        status, _, _, headers = await door(body=None, method="OPTIONS", Origin=OURS)
        assert (status, headers["Allow"], headers["Access-Control-Allow-Methods"]) == (204, "POST, OPTIONS", "POST")
        assert "Authorization" in headers["Access-Control-Allow-Headers"]

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", ""])
    async def test_a_strangers_page_may_not(self, app, door, origin):
        *_, headers = await door(Origin=origin, **await app.citizen())
        assert not [name for name in headers if name.lower().startswith("access-control")]

    async def test_a_claimed_address_changes_nothing(self, app, door):
        status, _, first, _ = await door(X_Forwarded_For="1.2.3.4, 127.0.0.1", X_Real_Ip="1.2.3.4", **await app.citizen())
        assert (status, first["ordinal"]) == (201, 1)


class TestOverload:
    async def test_a_process_that_is_behind_refuses_early_and_says_when_to_come_again(self, app, door):
        admission = app.services.counting.admission
        citizen = await app.citizen()
        admission.inside, admission._lag_seconds, admission._due = FEWEST_INSIDE, MAX_LAG_SECONDS * 2, float("inf")
        status, code, _, headers = await door(**citizen)
        assert (status, code) == (503, "BUSY") and int(headers["Retry-After"]) >= 1
        admission.inside = 0
        assert (await door(**citizen))[0] == 201

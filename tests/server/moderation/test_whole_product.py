"""From a login in the mini-program to the reviewers' queue, over the product's own wiring and its wire."""

from __future__ import annotations

import json
import time

import pytest

from tests.app_world import add_campaign, campaign, open_app
from tests.sandbox.sandbox_world import MINI, OFFICIAL, World
from tests.server.moderation.moderation_world import PROVIDER, said

pytestmark = pytest.mark.gen_test(timeout=60)
KEY = "sandbox-secret-of-the-provider"
CAMPAIGN = "/api/v1/campaigns/own-words"


async def test_her_words_are_judged_by_all_three_and_gone_when_she_goes(stores, tmp_path):
    official = {**OFFICIAL, "secret": KEY}  # which is what the sandbox's provider signs with
    sandbox = World(tmp_path / "sandbox", official)
    changes = {f"{role}_{part.upper()}": value for role, given in (("OFFICIAL", official), ("MINIPROGRAM", MINI))
               for part, value in given.items()}
    changes |= {"SANDBOX_PORT": sandbox.base.rpartition(":")[2], "MODERATION_URL": sandbox.base + PROVIDER, "MODERATION_KEY": KEY}
    try:
        async with open_app(stores, tmp_path, **changes) as app:
            own_words = campaign(slug="own-words", free_words=True)
            await add_campaign(app.services, own_words)
            person = await sandbox.citizen()
            code = (await sandbox.told("/sandbox/login", {"openid": person["openid"]}))["code"]

            async def ask(path: str, body: dict[str, str], method: str = "POST", **headers: str):
                return await app.fetch(path, method, json.dumps(body).encode(), Content_Type="application/json", **headers)

            token = json.loads((await ask("/api/v1/session/miniprogram", {"code": code})).body)["token"]
            bearer = {"Authorization": f"Bearer {token}"}
            assert (await ask(f"{CAMPAIGN}/participations", {"activity": "salute", "region": "350602"}, **bearer)).code == 201
            assert (await ask(f"{CAMPAIGN}/messages", {"message": "祖国万岁", "name": "王小红"}, **bearer)).code == 202
            assert await app.services.moderation.tick(time.time()) == 1
            [item] = await app.services.reviewing.sources.of("message").page("machine:pass", "own-words", "", 9)
            assert said(item) == dict.fromkeys(("words", "words name", "wechat", "wechat name", "provider", "provider name"), "pass")
            assert (await app.services.messages.wall(own_words, ""))["items"] == []
            metrics = app.services.metrics.snapshot().decode()
            assert 'wenming_verdicts_given_total{result="pass",source="wechat"} 2.0' in metrics
            assert (await app.fetch("/api/v1/citizens/me", "DELETE", **bearer)).code == 204
            assert await app.services.reviewing.sources.of("message").page("machine:pass", "own-words", "", 9) == []
    finally:
        sandbox.close()

"""Articles through the staff's interface: an editor writes, somebody else confirms, and the audit log knows both."""

from __future__ import annotations

import pytest

from server.articles import Articles
from tests.handlers.civic_app import CivicApp, error_of, json_of
from tests.handlers.test_staff import logged
from tests.sandbox.sandbox_world import OFFICIAL
from tests.sandbox.sandbox_world import World as Sandbox
from tests.server.accounts_world import accounts_with
from tests.server.articles.articles_world import NOW, TITLE, World

pytestmark = pytest.mark.gen_test(timeout=60)
ACCOUNT = f"/api/v1/staff/accounts/{OFFICIAL['appid']}"
DRAFTS = f"{ACCOUNT}/drafts"


@pytest.fixture
def app(io_loop, stores, tmp_path):
    async def opened():
        app, world = await CivicApp(stores, tmp_path).open(), World(stores, Sandbox(tmp_path), tmp_path)
        app.articles, app.process, app.now = world, world.process(), NOW
        app.services.accounts = accounts_with(app.process.client, articles=Articles(
            app.process.drafts, app.process.publishing, app.process.mass_sends))
        app.thumb = (await world.thumb(app.process)).media_id
        return app

    app = io_loop.run_sync(opened)
    yield app
    io_loop.run_sync(app.close)
    io_loop.run_sync(app.process.client.close)
    app.articles.sandbox.close()


def article(app, **changes):
    return {"title": TITLE, "content": "<p>早上六点</p>", "thumb_media_id": app.thumb, **changes}


async def written(app, desk):
    """The address of a new draft."""
    made = await desk.ask(DRAFTS, {"articles": [article(app)]})
    assert made.code == 201
    return f"{DRAFTS}/{json_of(made)['media_id']}"


async def test_a_draft_is_written_read_changed_and_deleted(app, stores):
    desk = await app.desk("editor")
    draft = await written(app, desk)
    shown = json_of(await desk.ask(draft))
    assert (shown["writers"], shown["rev"], shown["use"], shown["articles"][0]["title"]) == (["the-editor"], 1, "", TITLE)
    changed = await desk.ask(draft, {"rev": 1, "article": article(app, title="改过")}, method="PUT")
    assert (changed.code, json_of(changed)["rev"]) == (200, 2)
    [listed] = json_of(await desk.ask(DRAFTS))["items"]
    assert (listed["titles"], listed["rev"]) == (["改过"], 2)
    assert error_of(await desk.ask(f"{draft}?rev=1", method="DELETE")) == (409, "DRAFT_CHANGED")
    assert (await desk.ask(f"{draft}?rev=2", method="DELETE")).code == 204
    assert error_of(await desk.ask(draft)) == (404, "DRAFT_NOT_FOUND")
    assert [action for _, action, _ in await logged(stores)] == ["draft.add", "draft.update", "draft.delete"]


async def test_a_publication_is_asked_for_once_and_ends_as_a_page(app, stores):
    desk = await app.desk("editor")
    draft = await written(app, desk)
    asked = await desk.ask(f"{draft}/publication", {"rev": 1}, method="PUT")
    assert (asked.code, json_of(asked)["state"]) == (202, "publishing")
    await app.articles.events(app.process)
    done = json_of(await desk.ask(f"{draft}/publication"))
    assert (done["state"], done["words"], len(done["urls"])) == ("published", "发布成功", 1)
    assert (await desk.ask(f"{draft}/publication", {"rev": 1}, method="PUT")).code == 200
    assert json_of(await desk.ask(f"{ACCOUNT}/publications"))["items"] == [done]
    assert ("draft.publish" in [action for _, action, _ in await logged(stores)])


async def test_a_mass_send_is_confirmed_by_another_with_its_title(app, stores):
    editor, reviewer = await app.desk("editor"), await app.desk("reviewer")
    await app.articles.people(2)
    draft = await written(app, editor)
    assert (await editor.ask(f"{draft}/preview", {"citizen": 1})).code == 204
    digest = json_of(await reviewer.ask(draft))["digest"]
    for desk, body, expected in ((editor, {"rev": 1, "title": TITLE, "digest": digest}, (403, "ROLE_REFUSED")),
                                 (reviewer, {"rev": 1, "title": "别的", "digest": digest}, (422, "TITLE_DIFFERS")),
                                 (reviewer, {"rev": 2, "title": TITLE, "digest": digest}, (409, "DRAFT_CHANGED")),
                                 (reviewer, {"rev": 1, "title": TITLE, "digest": "0" * 32}, (409, "DRAFT_CHANGED")),
                                 (reviewer, {"rev": 1, "title": TITLE}, (422, "INVALID_BODY"))):
        assert error_of(await desk.ask(f"{draft}/mass-send", body, method="PUT")) == expected
    sent = await reviewer.ask(f"{draft}/mass-send", {"rev": 1, "title": TITLE, "digest": digest}, method="PUT")
    assert (sent.code, json_of(sent)["state"], json_of(sent)["by"]) == (202, "accepted", "the-reviewer")
    await app.articles.events(app.process)
    done = json_of(await reviewer.ask(f"{draft}/mass-send", {"rev": 1, "title": TITLE, "digest": digest}, method="PUT"))
    assert (done["state"], done["words"], done["total"], done["sent"]) == ("sent", "群发成功", 2, 2)
    assert json_of(await editor.ask(f"{ACCOUNT}/mass-sends"))["items"] == [done]
    assert json_of(await editor.ask(f"{ACCOUNT}/mass-sends/quota")) == {
        "this_month": 1, "today": 1, "kinds": [{"kind": "service", "name": "服务号", "period": "month", "most": 4, "left": 3},
                                         {"kind": "subscription", "name": "订阅号", "period": "day", "most": 1, "left": 0}]}
    assert app.articles.chat(1) == [TITLE] * 2 and app.articles.chat(2) == [TITLE]
    assert json_of(await reviewer.ask(f"{draft}/mass-send", method="DELETE"))["state"] == "deleted"
    done = [action for _, action, _ in await logged(stores) if not action.startswith("refused.")]
    assert done == ["draft.add", "draft.preview", "draft.mass_send", "draft.mass_send", "mass_send.delete"]


async def test_an_admin_who_wrote_it_needs_another_too(app):
    desk = await app.desk("admin")
    draft = await written(app, desk)
    digest = json_of(await desk.ask(draft))["digest"]
    assert error_of(await desk.ask(f"{draft}/mass-send", {"rev": 1, "title": TITLE, "digest": digest}, method="PUT")) == (403, "FOUR_EYES")


async def test_numbers_are_written_in_digits(app):
    desk = await app.desk("editor")
    draft = await written(app, desk)
    assert [one["rev"] for one in json_of(await desk.ask(f"{DRAFTS}?cursor=%C2%B2"))["items"]] == [1]
    assert error_of(await desk.ask(f"{draft}?rev=%C2%B2", method="DELETE")) == (422, "INVALID_BODY")


async def test_the_last_of_the_month_is_told(app):
    editor, reviewer = await app.desk("editor"), await app.desk("reviewer")
    draft = await written(app, editor)
    digest = json_of(await editor.ask(draft))["digest"]
    await app.articles.fault("/cgi-bin/message/mass/sendall", errcode=45028)
    refused = await reviewer.ask(f"{draft}/mass-send", {"rev": 1, "title": TITLE, "digest": digest}, method="PUT")
    assert error_of(refused) == (409, "WECHAT_MASS_SENDS_SPENT")
    assert json_of(await editor.ask(f"{draft}/mass-send"))["state"] == "refused"


@pytest.mark.parametrize(("changes", "expected"), [
    ({"title": "长" * 33}, "ARTICLE_FIELD_WRONG"), ({"thumb_media_id": "nothing"}, "THUMB_UNKNOWN"), ({"title": 1}, "INVALID_BODY")])
async def test_what_the_platform_would_not_take_is_refused(app, changes, expected):
    desk = await app.desk("editor")
    assert error_of(await desk.ask(DRAFTS, {"articles": [article(app, **changes)]})) == (422, expected)


@pytest.mark.parametrize(("verb", "path", "body", "roles"), [
    ("POST", "", {"articles": []}, ("reviewer", "operator")), ("PUT", "/d", {}, ("reviewer", "operator")),
    ("DELETE", "/d?rev=1", None, ("reviewer", "operator")), ("POST", "/d/preview", {"citizen": 1}, ("operator", "auditor")),
    ("PUT", "/d/publication", {"rev": 1}, ("operator", "auditor")),
    ("PUT", "/d/mass-send", {"rev": 1, "title": "x"}, ("editor", "operator")),
    ("DELETE", "/d/mass-send", None, ("editor", "auditor"))])
async def test_each_change_has_its_roles(app, verb, path, body, roles):
    for role in roles:
        assert error_of(await (await app.desk(role)).ask(DRAFTS + path, body, method=verb)) == (403, "ROLE_REFUSED")
    assert error_of(await app.ask(DRAFTS + path, body, method=verb)) == (401, "STAFF_SESSION_MISSING")


@pytest.mark.parametrize("path", ["/drafts", "/drafts/d", "/drafts/d/publication", "/drafts/d/mass-send", "/publications", "/mass-sends",
                                  "/mass-sends/quota"])
async def test_nobody_reads_without_a_session(app, path):
    assert error_of(await app.ask(ACCOUNT + path)) == (401, "STAFF_SESSION_MISSING")


@pytest.mark.parametrize(("path", "code"), [
    ("/drafts/d", "DRAFT_NOT_FOUND"), ("/drafts/d/publication", "PUBLICATION_NOT_FOUND"), ("/drafts/d/mass-send", "MASS_SEND_NOT_FOUND")])
async def test_what_is_not_there_is_told(app, path, code):
    assert error_of(await (await app.desk("editor")).ask(ACCOUNT + path)) == (404, code)

"""Each role at each verb of each staff route gives what staff_table.py says; a route without a row fails here."""

from __future__ import annotations

import pytest

from handlers import ROUTES
from handlers.openapi import template, verbs_of
from handlers.staff import StaffHandler
from server.errors import Refusal
from server.staff import ROLES
from tests.handlers.civic_app import PASSWORD, CivicApp, Desk, error_of
from tests.handlers.staff_table import EVERYBODY, TABLE
from tests.test_error_shape import addresses

pytestmark = pytest.mark.gen_test(timeout=120)
STAFF = "/api/v1/staff"
HERS, FOREIGN = "salute-the-flag", "no-such-campaign"  # the two samples of a slug
ROUTED = {(verb, template(pattern).removeprefix(STAFF)): pattern
          for pattern, handler in ROUTES if pattern.startswith(f"{STAFF}/") for verb in verbs_of(handler)}


class Allowed(Refusal):
    """Raised in the place of what a route does, once its role, scope and CSRF token were found right."""

    status = 418
    code = "ALLOWED"
    message = "可以"


@pytest.fixture
def app(io_loop, stores, tmp_path, monkeypatch):
    """Every staff route stops behind its own check."""
    real = StaffHandler.member

    async def member(self, *roles, **wish):
        await real(self, *roles, **wish)
        raise Allowed()

    made = io_loop.run_sync(lambda: CivicApp(stores, tmp_path).open())
    monkeypatch.setattr(StaffHandler, "member", member)
    yield made
    io_loop.run_sync(made.close)


async def signed_in(app: CivicApp, role: str, campaigns: tuple[str, ...] | None = None, *, temporary: bool = False) -> Desk:
    name = f"the-{role}"
    await app.staff.create(name, role, PASSWORD, app.now, campaigns=campaigns, temporary=temporary)
    done, desk = await app.staff.sign_in(name, PASSWORD, app.now), Desk(app)
    desk.cookie, desk.csrf = f"wenming_staff={done.secret}", done.member.csrf
    return desk


async def asked(desk: Desk, verb: str, path: str) -> tuple[int, str]:
    body = b"{}" if verb in ("post", "put", "patch") else None
    return error_of(await desk.ask(path, body, method=verb.upper(), headers={"Tus-Resumable": "1.0.0"}))


def path_of(pattern: str, slug: str = HERS) -> str:
    return next(path for path in addresses(pattern) if slug == HERS or slug in path)


def test_the_table_holds_every_route_and_no_other():
    assert sorted(set(ROUTED) - set(TABLE)) == [], "a new route needs its row in staff_table.py"
    assert sorted(set(TABLE) - set(ROUTED)) == []
    assert {word for row in TABLE.values() for word in row.split()} <= {*ROLES, "own", "me", EVERYBODY}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_do_what_the_table_says(app, role):
    desk = await signed_in(app, role)
    wrong = {}
    for (verb, path), row in TABLE.items():
        if row == EVERYBODY:
            continue
        wanted = (418, "ALLOWED") if role in row.split() else (403, "ROLE_REFUSED")
        if (found := await asked(desk, verb, path_of(ROUTED[verb, path]))) != wanted:
            wrong[verb, path] = found
    assert wrong == {}


async def test_nobody_may_do_anything_but_sign_in(app):
    nobody, wrong = Desk(app), {}
    for (verb, path), row in TABLE.items():
        found = await asked(nobody, verb, path_of(ROUTED[verb, path]))
        if (found == (401, "STAFF_SESSION_MISSING")) == (row == EVERYBODY):
            wrong[verb, path] = found
    assert wrong == {}


async def test_no_change_is_made_without_the_page_s_token(app):
    desk, wrong = await signed_in(app, "admin"), {}
    desk.csrf = ""
    for (verb, path), row in TABLE.items():
        wanted = (418, "ALLOWED") if verb == "get" else (403, "CSRF_REFUSED")
        if row != EVERYBODY and (found := await asked(desk, verb, path_of(ROUTED[verb, path]))) != wanted:
            wrong[verb, path] = found
    assert wrong == {}


@pytest.mark.parametrize("role", ["editor", "reviewer", "operator", "auditor"])
async def test_who_has_named_campaigns_may_do_what_is_theirs_alone(app, role):
    desk, wrong = await signed_in(app, role, (HERS,)), {}
    for (verb, path), row in TABLE.items():
        words = row.split()
        if row == EVERYBODY or role not in words:
            continue
        in_campaign = path.startswith("/campaigns/{slug}")
        for slug in (HERS, FOREIGN) if in_campaign else (HERS,):
            free = "me" in words or "own" in words and slug == HERS
            wanted = (418, "ALLOWED") if free else (403, "SCOPE_REFUSED")
            if (found := await asked(desk, verb, path_of(ROUTED[verb, path], slug))) != wanted:
                wrong[verb, path, slug] = found
    assert wrong == {}


async def test_a_first_password_opens_one_s_own_account_and_nothing_else(app):
    desk, wrong = await signed_in(app, "admin", temporary=True), {}
    for (verb, path), row in TABLE.items():
        wanted = (418, "ALLOWED") if "me" in row.split() else (403, "PASSWORD_CHANGE_NEEDED")
        if row != EVERYBODY and (found := await asked(desk, verb, path_of(ROUTED[verb, path]))) != wanted:
            wrong[verb, path] = found
    assert wrong == {}


# What needs a password given within the last ten minutes.
DANGEROUS = {
    ("post", "/me/totp"), ("put", "/me/totp"), ("delete", "/me/totp"), ("post", "/me/recovery-codes"), ("post", "/me/wechat"),
    ("delete", "/me/wechat"), ("post", "/members"), ("put", "/members/{name}"), ("delete", "/members/{name}"),
    ("post", "/members/{name}/password"), ("delete", "/members/{name}/second-factor"), ("put", "/second-factor"),
    ("get", "/audit-log.csv"), ("post", "/campaigns/{slug}/voids"), ("post", "/campaigns/{slug}/vote/audit"),
    ("put", "/exports/{id}/consent"), ("post", "/campaigns/{slug}/schools/{unit}/code"),
    ("post", "/campaigns/{slug}/group-reports/voids"), ("post", "/campaigns/{slug}/source-openings"),
    ("put", "/campaigns/{slug}/source-openings/{id}"), ("post", "/campaigns/{slug}/vote/papers/{id}/consent"),
    ("put", "/switches/{switch}")}


async def test_dangerous_acts_need_the_password_again(app):
    desk, wrong = await signed_in(app, "admin"), {}
    app.now += 601
    for (verb, path), row in TABLE.items():
        wanted = (403, "REAUTHENTICATION_NEEDED") if (verb, path) in DANGEROUS else (418, "ALLOWED")
        if row != EVERYBODY and (found := await asked(desk, verb, path_of(ROUTED[verb, path]))) != wanted:
            wrong[verb, path] = found
    assert wrong == {}

"""Short links: one for each campaign, wherever it is made, and what may be pointed elsewhere."""

from __future__ import annotations

import asyncio
import re

import pytest

from server.errors import InvalidBody, NotFound
from server.short_links import ShortLinks, ShortLinkStore
from tests.server.civic_world import without_mongodb

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def links(stores):
    return ShortLinks(ShortLinkStore(stores.mongo), lambda: "https://wm.example")


def code_in(link: str) -> str:
    return link.rpartition("/")[2]


async def test_a_campaign_has_one_link_that_leads_to_its_page_as_from_a_poster(links):
    link = await links.link_for("flag")
    assert re.fullmatch(r"https://wm\.example/s/[a-z2-9]{8}", link)
    assert await links.target(code_in(link)) == "/c/flag?ch=poster"
    assert await links.link_for("flag") == link != await links.link_for("other")


async def test_two_processes_that_make_it_at_once_agree(stores):
    made = await asyncio.gather(*(ShortLinks(ShortLinkStore(stores.mongo), lambda: "https://wm.example").link_for("flag")
                                  for _ in range(10)))
    assert len(set(made)) == 1


async def test_a_link_may_be_pointed_elsewhere_and_stays_there(links, stores):
    code = code_in(await links.link_for("flag"))
    await links.point(code, "/c/next-year?ch=poster")
    other = ShortLinks(ShortLinkStore(stores.mongo), lambda: "https://wm.example")
    await other.link_for("flag")  # as at every start
    assert await other.target(code) == "/c/next-year?ch=poster"


@pytest.mark.parametrize("path", ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "c/flag", "",
                                  "/c/a\r\nX: y", "/c/旗"])
async def test_it_leads_nowhere_but_to_this_site(links, path):
    code = code_in(await links.link_for("flag"))
    with pytest.raises(InvalidBody):
        await links.point(code, path)


async def test_an_unknown_code_is_not_found(links):
    with pytest.raises(NotFound):
        await links.target("zzzzzzzz")
    with pytest.raises(NotFound):
        await links.point("zzzzzzzz", "/c/flag")


async def test_without_mongodb_a_known_code_still_leads(links, stores):
    code = code_in(await links.link_for("flag"))
    await links.target(code)
    async with without_mongodb(stores.mongo["short_links"]):
        assert await links.target(code) == "/c/flag?ch=poster"

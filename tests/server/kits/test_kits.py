"""A campaign's kit: what is in the ZIP, that its codes lead where they should, when it is out of date, and how much a large one takes."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import zxingcpp
from PIL import Image

from server.errors import Conflict, InvalidBody
from server.kits import KitMaker, Kits, KitStore
from server.kits.making import Names, file_name
from server.kits.texts import guide_text, share_texts, wording_problem
from server.kits.wire import Code, Codes, Head
from server.made_files import part_id
from server.releases.wording import BUILT_IN, Wording
from server.short_links import ShortLinks, ShortLinkStore
from server.spreadsheets.wire import PIECE_BYTES, End
from server.spreadsheets.workers import Workers
from tests.server.civic_world import DURING, REGIONS, UNITS, CivicWorld

ASSETS = Path(__file__).parents[3] / "assets"
BASE = "https://wm.example"
WORKER = "server.kits.worker"
pytestmark = [pytest.mark.gen_test(timeout=110), pytest.mark.timeout(120)]


class World:
    def __init__(self, stores, folder: Path) -> None:
        self.now = float(DURING)
        self.stores = stores
        self.civic = CivicWorld(stores, simulated=True)
        self.links = ShortLinks(ShortLinkStore(stores.mongo), lambda: BASE)
        self.store = KitStore(stores.mongo)
        self.kits = Kits(self.store, self.civic.places, Wording(stores.mongo), self.links)
        self.started: list[int] = []
        workers = Workers(folder / "kits", lambda worker: self.started.append(worker.pid or 0), WORKER, in_step=True)
        self.maker = KitMaker(self.store, self.kits, self.civic.campaigns, self.civic.places, self.links, workers, ASSETS, lambda: self.now)

    async def opened(self, units: str = UNITS, **changes):
        await self.civic.ready()
        campaign = await self.civic.opened(**changes)
        for kind, data in (("regions", REGIONS), ("units", units)):
            result = await self.civic.places.import_csv(campaign, kind, data, dry_run=False)
            assert not result["errors"]
        return await self.civic.campaigns.get_any(campaign.slug)

    async def made(self, campaign, region: str = "") -> zipfile.ZipFile:
        await self.kits.ask(campaign, "bianji", region, self.now)
        assert await self.maker.tick(self.now) == 1
        kit = await self.kits.open(campaign)
        return zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in self.kits.zip(kit)])))


@pytest.fixture
def world(stores, tmp_path):
    return World(stores, tmp_path)


def codes_in(data: bytes) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(data)).convert("L"))]


class TestContent:
    async def test_the_zip_holds_texts_covers_a_page_for_teachers_and_a_code_for_each_place(self, world):
        campaign = await world.opened()
        file = await world.made(campaign)
        names = file.namelist()
        assert file.testzip() is None
        assert {"说明.txt", "分享文案.txt", "教师一页说明.txt", "教师一页说明.pdf"} <= set(names)
        assert {"二维码/活动总码.png", "二维码/活动总码.pdf"} <= set(names)
        regions = [row["name"] for row in csv.DictReader(io.StringIO(REGIONS)) if row["kind"] == "region"]
        units = [row["name"] for row in csv.DictReader(io.StringIO(UNITS))]
        assert {f"二维码/区县/{name}.{form}" for name in regions for form in ("png", "pdf")} <= set(names)
        assert all(any(one.endswith(f"/{name}.pdf") and one.startswith("二维码/学校和单位/") for one in names) for name in units)
        for name, size in (("公众号封面/封面-900x383.jpg", (900, 383)), ("公众号封面/封面-方形-1比1.jpg", (400, 400))):
            assert Image.open(io.BytesIO(file.read(name))).size == size

    async def test_names_and_texts_are_read_on_windows(self, world):
        file = await world.made(await world.opened())
        assert all(info.flag_bits & 0x800 for info in file.infolist() if not info.filename.isascii())
        text = file.read("说明.txt")
        assert text.startswith(b"\xef\xbb\xbf") and b"\r\n" in text and "宣传物料包" in text.decode("utf-8-sig")

    async def test_every_code_leads_to_the_campaign_with_its_own_place(self, world):
        campaign = await world.opened()
        file = await world.made(campaign)
        seen: dict[str, str] = {}
        for name in file.namelist():
            if name.startswith("二维码/") and name.endswith(".png"):
                [link] = codes_in(file.read(name))
                seen[name] = await world.links.target(link.removeprefix(f"{BASE}/s/"))
        index = await world.civic.places.of(campaign)
        assert seen["二维码/活动总码.png"] == f"/c/{campaign.slug}?ch=poster"
        region = next(iter(index.regions.values()))
        assert seen[f"二维码/区县/{region.name}.png"] == f"/c/{campaign.slug}?ch=scan&r={region.code}"
        unit = next(iter(index.units.values()))
        where = f"二维码/学校和单位/{index.regions[unit.region].name}/{unit.name}.png"
        assert seen[where] == f"/c/{campaign.slug}?ch=scan&r={unit.region}&u={unit.code}"
        assert len(set(seen.values())) == len(seen) == 1 + 2 + len(index.units)
        assert not any("不便选择" in name for name in seen)  # nobody hangs that up

    async def test_the_same_place_keeps_its_code_when_the_kit_is_made_anew(self, world):
        campaign = await world.opened()
        first, second = [(await world.made(campaign)).read("二维码/区县/芗城区.png") for _ in range(2)]
        assert codes_in(first) == codes_in(second)

    async def test_pages_are_a4_at_300_dpi_and_their_codes_are_read(self, world):
        file = await world.made(await world.opened())
        page = file.read("二维码/活动总码.pdf")
        assert page.startswith(b"%PDF") and b"CCITTFaxDecode" in page and len(page) < 120_000
        box = page.partition(b"/MediaBox")[2].partition(b"]")[0].strip(b" [").split()
        assert [round(float(part) / 72 * 25.4) for part in box[2:]] == [210, 297]
        dpi = Image.open(io.BytesIO(file.read("二维码/活动总码.png"))).info["dpi"]
        assert [round(part) for part in dpi] == [300, 300]

    async def test_one_district_alone(self, world):
        campaign = await world.opened()
        file = await world.made(campaign, "350602")
        assert [name for name in file.namelist() if name.startswith("二维码/区县/")] == ["二维码/区县/芗城区.png", "二维码/区县/芗城区.pdf"]


class TestWords:
    async def test_every_text_keeps_to_the_wording_rules_and_its_length(self, world):
        campaign = await world.opened(organiser={"name": "市文明办", "telephone": "0596-1234567"})
        texts = share_texts(campaign, f"{BASE}/s/abcdefgh")
        assert list(texts) == ["标题", "描述", "短文案", "中文案", "长文案"] and len(texts["标题"]) <= 30 and len(texts["描述"]) <= 60
        assert len(texts["短文案"]) < len(texts["中文案"]) < len(texts["长文案"])
        assert all(texts[name].endswith(f"{BASE}/s/abcdefgh") for name in ("短文案", "中文案", "长文案"))
        assert wording_problem(campaign, texts | {"教师": guide_text(campaign)}, BUILT_IN) == ""

    async def test_a_title_that_breaks_them_is_refused_with_the_rule(self, world):
        campaign = await world.opened(share={"desc": "转发有奖，集赞抽奖"})
        with pytest.raises(Conflict) as refused:
            await world.kits.ask(campaign, "bianji", "", world.now)
        assert refused.value.code == "KIT_WORDING" and "分享文案没有通过用语检查" in refused.value.message

    @pytest.mark.parametrize(("name", "made"), [
        ("第一小学", "第一小学"), ("A/B\\C:D*?\"<>|", "A_B_C_D______"), ("..", "_"), ("CON", "_CON"), ("com1.x", "_com1.x"),
        (" 空格 . ", "空格"), ("长" * 80, "长" * 60)])
    def test_names_of_places_become_names_of_files(self, name, made):
        assert file_name(name) == made

    def test_two_schools_of_one_name_have_two_files(self):
        names = Names()
        assert names.path("学校", "实验小学", "a1") == "学校/实验小学"
        assert names.path("学校", "实验小学", "a2") == "学校/实验小学（a2）"
        assert names.path("学校", "ABC", "a3") == "学校/ABC" and names.path("学校", "abc", "a4") == "学校/abc（a4）"


class TestLife:
    async def test_it_is_asked_for_made_and_out_of_date_once_a_place_or_a_word_changes(self, world):
        campaign = await world.opened()
        assert await world.kits.of(campaign) == (None, False)
        await world.made(campaign)
        kit, is_outdated = await world.kits.of(campaign)
        assert kit is not None and (kit.state, kit.asked_by, is_outdated) == ("ready", "bianji", False)
        assert kit.done == kit.total == 1 + kit.regions + kit.units
        assert (await world.kits.of(replace(campaign, theme={"subtitle": "同升一面旗"})))[1]
        await world.civic.places.import_csv(campaign, "units", "region,code,name\n350602,new-school,新建小学\n", dry_run=False)
        assert (await world.kits.of(await world.civic.campaigns.get_any(campaign.slug)))[1]

    async def test_one_is_made_at_a_time_and_the_last_can_be_fetched_meanwhile(self, world):
        campaign = await world.opened()
        await world.made(campaign)
        await world.kits.ask(campaign, "bianji", "", world.now)
        with pytest.raises(Conflict) as refused:
            await world.kits.ask(campaign, "zhang", "", world.now)
        assert refused.value.code == "KIT_IN_WORK"
        assert (await world.kits.open(campaign)).file == 1
        await world.maker.tick(world.now)
        kit = await world.kits.open(campaign)
        assert kit.file == 2
        assert await world.store.parts.part(campaign.slug, 1, 0) is None and await world.store.parts.part(campaign.slug, 2, 0) is not None

    async def test_a_killed_try_leaves_nothing_and_the_next_begins_anew(self, world):
        campaign = await world.opened()
        await world.kits.ask(campaign, "bianji", "", world.now)
        kit = (await world.store.due(world.now, 1))[0]
        assert await world.store.claim(kit, world.now + 60)  # and then its process is killed
        await world.store.parts.keep(campaign.slug, 1, 0, b"left")
        assert await world.maker.tick(world.now) == 0
        world.now += 61
        assert await world.maker.tick(world.now) == 1
        assert (await world.kits.open(campaign)).file == 2 and await world.store.parts.part(campaign.slug, 1, 0) is None

    async def test_after_five_tries_it_has_failed_and_says_so(self, world):
        campaign = await world.opened()
        await world.kits.ask(campaign, "bianji", "", world.now)
        for _ in range(5):
            assert await world.store.claim((await world.store.due(world.now, 1))[0], world.now)
        await world.maker.tick(world.now)
        kit, _ = await world.kits.of(campaign)
        assert kit is not None and kit.state == "failed" and "管理员" in kit.problem
        await world.made(campaign)  # and can be asked for again

    async def test_a_draft_and_an_unknown_district_are_refused(self, world):
        campaign = await world.opened()
        with pytest.raises(Conflict) as refused:
            await world.kits.ask(replace(campaign, state="draft"), "bianji", "", world.now)
        assert refused.value.code == "KIT_NOT_PUBLISHED"
        with pytest.raises(InvalidBody) as unknown:
            await world.kits.ask(campaign, "bianji", "999999", world.now)
        assert unknown.value.code == "UNKNOWN_REGION"
        with pytest.raises(Conflict) as nothing:
            await world.kits.ask(campaign, "bianji", "", world.now)
            await world.kits.open(campaign)
        assert nothing.value.code == "KIT_NOT_READY"

    async def test_it_goes_with_its_campaign(self, world):
        campaign = await world.opened()
        await world.made(campaign)
        await world.kits.remove(campaign.slug)
        assert await world.kits.of(campaign) == (None, False) and await world.store.parts.part(campaign.slug, 1, 0) is None
        assert part_id("flag", 1, 2) == "flag:1:2"


def peak_kilobytes(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])


class TestMemory:
    """What is held is a dozen codes and the list of names."""

    @pytest.mark.long
    @pytest.mark.timeout(3600)
    @pytest.mark.gen_test(timeout=3590)
    async def test_a_worker_takes_for_3000_schools_what_it_takes_for_300(self, tmp_path):
        assert await self.peak(tmp_path, 3000) < 1.25 * await self.peak(tmp_path, 300)

    async def test_a_worker_takes_for_60_schools_what_it_takes_for_12(self, tmp_path):
        """A page has 9 MB while it is drawn: forty-eight that were kept would be seen."""
        assert await self.peak(tmp_path, 60) < 1.15 * await self.peak(tmp_path, 12)

    async def peak(self, folder: Path, schools: int) -> int:
        started: list[int] = []
        workers = Workers(folder / "kits", lambda worker: started.append(worker.pid or 0), WORKER, in_step=True)

        async def given():
            yield Head(str(ASSETS), "向国旗敬礼", "10月1日至10月7日", "市文明办", False, {}, [("怎么参加", ["扫码"])])
            for start in range(0, schools, 12):
                yield Codes([Code(f"二维码/学校/第{n}小学", f"第{n}小学", f"{BASE}/s/school{n:05}") for n in range(start, start + 12)])

        peak = largest = 0
        async for piece in workers.file("kit", given()):
            peak, largest = max(peak, peak_kilobytes(started[0])), max(largest, len(piece))
        assert largest <= PIECE_BYTES
        return peak


async def test_a_worker_without_a_campaign_makes_nothing(tmp_path):
    workers = Workers(tmp_path / "kits", module=WORKER, in_step=True)

    async def nothing():
        yield End()

    with pytest.raises(Exception, match="REPORT_UNAVAILABLE"):
        _ = [piece async for piece in workers.file("kit", nothing())]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(Codes([])), type=Codes).codes == [] and asyncio.get_running_loop()

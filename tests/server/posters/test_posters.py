"""The service: bounded, never in the loop's way, and whole again after a drawing process dies."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest
import zxingcpp
from PIL import Image

from server.errors import NotFound
from server.posters import pool
from server.posters.design import begun_from
from server.posters.layers import load_template
from server.posters.service import MEMORY_SECONDS, PosterBusy, PosterUnavailable
from tests.server.posters.world import ASSETS, AT, CAMPAIGN, LINK, Around, posters

pytestmark = pytest.mark.gen_test(timeout=60)


@asynccontextmanager
async def drawing(**changes):
    service = posters(**changes)
    try:
        yield service
    finally:
        await service.close()


def draw(service, ordinal: int = 1, name: str | None = None):
    return service.poster(CAMPAIGN, "all", ordinal, AT, "芗城区", name, LINK)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_poster_is_a_picture_whose_code_leads_back():
    async with drawing() as service:
        picture = Image.open(io.BytesIO(await draw(service, 1_234_567, "张三")))
        assert picture.size == (750, 1334)
        assert [code.text for code in zxingcpp.read_barcodes(picture)] == [LINK]


async def test_mine_needs_a_participation():
    async with drawing() as service:
        with pytest.raises(NotFound) as refused:
            await service.mine("salute-the-flag", 8, AT)
        assert refused.value.code == "PARTICIPATION_NOT_FOUND"


async def test_mine_is_remembered_for_a_minute_and_forgotten_on_deletion():
    async with drawing() as service:
        first = await service.mine("salute-the-flag", 7, AT)
        pid = service.worker_pids[0]
        os.kill(pid, signal.SIGSTOP)  # whatever is answered now comes from memory
        try:
            assert await service.mine("salute-the-flag", 7, AT + MEMORY_SECONDS - 1) == first
            service.forget(7)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(service.mine("salute-the-flag", 7, AT), 0.2)
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_a_name_stands_only_when_it_is_one():
    around = Around()
    around.records |= {n: SimpleNamespace(ordinal=5, participated_at=AT, period="all", region="bubian") for n in (1, 2, 3, 4)}
    around.names = {1: "张三", 2: "张三<script>", 3: "大傻瓜"}
    async with drawing(around=around) as service:
        named, markup, abuse, nobody = [await service.mine("salute-the-flag", n, AT) for n in (1, 2, 3, 4)]
        assert markup == abuse == nobody != named


async def test_the_queue_refuses_at_once_and_kindly():
    async with drawing(queue=2) as service:
        await draw(service)
        os.kill(service.worker_pids[0], signal.SIGSTOP)
        tasks = [asyncio.create_task(draw(service, 10))]
        await asyncio.sleep(0.1)  # it is in hand
        tasks += [asyncio.create_task(draw(service, n)) for n in (11, 12)]
        await asyncio.sleep(0.1)  # these wait
        try:
            started = asyncio.get_running_loop().time()
            with pytest.raises(PosterBusy) as refused:
                await draw(service, 13)
            assert asyncio.get_running_loop().time() - started < 0.05
            error = refused.value
            assert (error.status, error.code, error.retry_after_seconds) == (503, "POSTER_BUSY", 3)
            assert error.message == "正在为很多人制作海报，请稍等几秒再点一次"
        finally:
            os.kill(service.worker_pids[0], signal.SIGCONT)
        assert all(jpeg[:2] == b"\xff\xd8" for jpeg in await asyncio.gather(*tasks))


async def test_the_same_poster_asked_for_at_once_is_drawn_once():
    async with drawing(queue=1) as service:
        answers = await asyncio.gather(*(draw(service, 5) for _ in range(50)))
        assert len({id(answer) for answer in answers}) == 1


async def test_a_killed_process_is_replaced_before_anybody_notices():
    async with drawing() as service:
        before = await draw(service, 1)
        pid = service.worker_pids[0]
        os.kill(pid, signal.SIGKILL)
        assert len(await draw(service, 2)) == pytest.approx(len(before), rel=0.1)
        assert service.worker_pids != [pid]


async def test_killed_in_the_middle_of_a_poster():
    async with drawing() as service:
        await draw(service)
        pid = service.worker_pids[0]
        os.kill(pid, signal.SIGSTOP)
        task = asyncio.create_task(draw(service, 2))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        assert (await task)[:2] == b"\xff\xd8"


async def test_a_hanging_process_is_given_up_and_replaced(monkeypatch):
    monkeypatch.setattr(pool, "DRAW_SECONDS", 3.0)
    async with drawing() as service:
        await draw(service)
        pid = service.worker_pids[0]
        os.kill(pid, signal.SIGSTOP)
        assert (await draw(service, 2))[:2] == b"\xff\xd8"
        assert not is_alive(pid)


async def test_the_loop_goes_on_while_posters_are_drawn():
    async with drawing(queue=64) as service:
        await draw(service)
        tasks = [asyncio.create_task(draw(service, n)) for n in range(2, 42)]
        loop, longest = asyncio.get_running_loop(), 0.0
        began = loop.time()
        while not all(task.done() for task in tasks):
            started = loop.time()
            await asyncio.sleep(0.001)
            longest = max(longest, loop.time() - started)
        assert longest < (loop.time() - began) / 3, "drawn in the loop, they would hold it all the time"


async def test_without_a_font_people_are_told_and_the_machine_is_not_worn_out(monkeypatch, tmp_path):
    program = tmp_path / "server" / "posters"
    program.mkdir(parents=True)
    (tmp_path / "server" / "__init__.py").write_text("")
    (program / "__init__.py").write_text("")
    (program / "worker.py").write_text(
        "import sys\nopen(sys.argv[0] + '.ran', 'a').write('x')\n"
        "body = b'\\x81\\xa7problem\\xa7no font'\nsys.stdout.buffer.write(len(body).to_bytes(4, 'big') + body)\n")
    monkeypatch.setattr(pool, "ROOT", tmp_path)
    async with drawing() as service:
        for n in range(3):
            with pytest.raises(PosterUnavailable) as refused:
                await draw(service, n)
            assert refused.value.code == "POSTER_UNAVAILABLE"
        assert (program / "worker.py.ran").read_text() == "x"


async def test_no_process_outlives_the_service():
    async with drawing(workers=2) as service:
        await asyncio.gather(*(draw(service, n) for n in range(6)))
        pids = service.worker_pids
        assert len(pids) == 2
    assert not any(is_alive(pid) for pid in pids)


async def test_no_process_outlives_a_killed_parent():
    """The parent is killed -9; its child sees its input close."""
    script = (
        "import asyncio, os, sys\n"
        "from tests.server.posters.test_posters import draw, posters\n"
        "async def main():\n"
        "    service = posters()\n"
        "    await draw(service)\n"
        "    print(service.worker_pids[0], flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n")
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=ASSETS.parent, stdout=subprocess.PIPE)
    pid = int((await parent.stdout.readline()).decode())
    await parent.wait()
    for _ in range(50):
        if not is_alive(pid):
            break
        await asyncio.sleep(0.1)
    assert not is_alive(pid)


async def test_a_poster_that_is_remembered_does_not_outlive_a_change_of_its_design():
    around = Around()
    design = msgspec.to_builtins(begun_from(load_template(ASSETS / "posters", "salute")))
    shown = [CAMPAIGN, replace(CAMPAIGN, theme={**CAMPAIGN.theme, "poster_design": design}),
             replace(CAMPAIGN, theme={**CAMPAIGN.theme, "poster_design": design | {"scene": "plain"}})]
    now = iter(shown)

    async def published(slug: str):
        return next(now)

    around.get = published
    async with drawing(around=around) as service:
        made = [await service.mine("salute-the-flag", 7, AT) for _ in shown]
    assert len(set(made)) == 3
    for jpeg in made:
        assert [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(jpeg)))] == [LINK]


async def test_a_design_that_this_program_cannot_read_leaves_the_built_in_poster():
    around = Around()
    broken = replace(CAMPAIGN, theme={**CAMPAIGN.theme, "poster_design": {"from": "another version"}})

    async def published(slug: str):
        return broken

    async with drawing(around=around) as service:
        built_in = await service.mine("salute-the-flag", 7, AT)
        around.get = published
        assert await service.mine("salute-the-flag", 7, AT) == built_in

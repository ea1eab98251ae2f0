"""The plan: its arithmetic by hand, what must grow with what, what it refuses, and what it says on a terminal."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from datetime import date
from pathlib import Path

import msgspec
import pytest

from server.commands import main
from server.plan import Asked, PlanError, beyond, figures, paper, plan
from server.plan.asked import OPTIONS
from server.plan.figures import NAMES, Figure, Figures
from settings import Settings
from tests.bench import bench_page, bench_rehearsed
from tests.bench.bench_live import __main__ as bench_live
from tests.bench.bench_plan.stores import identity
from tests.bench.compare import __main__ as compare
from tests.bench.compare.__main__ import Contender

ROOT = Path(__file__).resolve().parents[2]
# Round ones, so that a person can follow.
ROUND = {
    "intake_us_always": 50, "intake_us_everysec": 40, "redis_call_us_always": 100, "redis_call_us_everysec": 50, "redis_citizen_us": 10,
    "redis_call_ms_always": 1, "redis_call_ms_everysec": 0.1, "array_bytes": 16, "journal_bytes": 50, "poll_redis_us": 50,
    "ledger_us": 20, "store_per_second": 4000, "document_bytes": 250, "keys_bytes": 70, "identity_bytes": 200, "read_us": 10,
    "page_us": 2000, "html_bytes": 12_000, "first_view_kb": 50, "counters_bytes": 800, "login_us": 5000, "salute_in_bytes": 450,
    "salute_out_bytes": 350, "frame_bytes": 500, "live_us": 12.5, "live_sockets": 10_000, "socket_kb": 2.5, "posters_per_second": 80,
    "poster_kb": 125, "process_mb": 200, "poster_process_mb": 150, "rehearsed_people": 2_000_000, "rehearsed_per_second": 11_000,
    "rehearsed_masters": 3}


def measured(**changes: float) -> Figures:
    return Figures({name: Figure(value, "make bench", "2026-11-26", "a machine") for name, value in {**ROUND, **changes}.items()})


def values(**asked) -> dict[str, float]:
    sheet = plan(Asked(**{"participants": 6_000_000, **asked}), measured())
    return {line.key: line.value for line in sheet.lines}


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Its status, and what it printed."""
    status = main(["plan", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_arithmetic_is_that_of_a_person_with_a_pencil():
    """6,000,000 people, a tenth of them in one minute, twice what is needed."""
    found = values(sockets=20_000)
    by_hand = {
        # 600,000 in 60 seconds; a fifth of them again; 1.2 pages each; a tenth take a poster
        "new_per_second": 10_000, "salutes_per_second": 12_000, "changes_per_second": 10_000, "pages_per_second": 12_000,
        "logins_per_second": 10_000, "posters_per_second": 1000,
        # 12,000 pages a second stay for a minute; 20,000 of them have a socket, the others ask each five seconds
        "open_pages": 720_000, "polls_per_second": 140_000,
        # 12,000 x 50 us = 0.6 cores, twice
        "intake_cores": 1.2, "intakes": 2,
        # 12,000 x 2 ms = 24 cores of pages, 10,000 x 5 ms = 50 of logins, twice
        "web_cores": 148, "webs": 148,
        # 20,000 sockets twice a second are 40,000 frames, 12.5 us each: half a core, twice; and 10,000 sockets a process
        "live_cores": 1, "lives": 2,
        # the store takes 4,000 of 10,000; 20 us each, twice
        "carried_per_second": 4000, "ledger_cores": 0.16, "ledgers": 2,
        # two readings of 4,000 documents, 10 us each, twice
        "jobs_cores": 0.16, "jobs": 2,
        # 25 cores of posters, for which one process beside each of the 148 is enough
        "poster_cores": 25, "poster_workers": 1, "app_cores": 181,
        # each of two intakes gathers for 2 ms: 12,000 / 2 x 0.002 s
        "masters": 1, "shards": 1, "batch": 12,
        # 12,000 x (100 / 12 + 10) us; 148 + 4 + 5 looks a second x 50 us
        "counting_share": 22, "polling_share": 0.785, "master_share": 45.57, "redis_processes": 2,
        # 16 bytes each; six tenths of all wait; 50 bytes each
        "array_mb": 96, "backlog": 3_600_000, "journal_mb": 180, "journal_most_mb": 300, "master_gb": 0.792,
        # 156 processes of 200 MB, one of 150 MB for posters beside each of 148 + 2, 20,000 sockets of 2.5 KB
        "app_gb": 31.2 + 22.5 + 0.05,
        "documents": 6_000_000, "data_gb": 1.5, "keys_gb": 0.42, "identities_gb": 1.2, "disk_gb": 6.24,
        "wanted_per_second": 20_000, "needed_per_second": 14_000, "drain_minutes": 15,
        # megabits: 12,000 x 12,000 B; 12,000 x 51,200 B; 12,000 x 350 B; 140,000 x 800 B; 40,000 x 500 B; 1,000 x 128,000 B
        "html_mbit": 1152, "page_mbit": 4915.2, "salutes_mbit": 33.6, "polls_mbit": 896, "live_mbit": 160, "posters_mbit": 1024,
        "in_mbit": 43.2, "cdn_mbit": 2 * (1152 + 33.6 + 896 + 160 + 1024), "origin_mbit": 2 * (4915.2 + 33.6 + 896 + 160 + 1024),
        "out_mbit": 2 * (4915.2 + 33.6 + 896 + 160 + 1024)}
    assert found == pytest.approx(by_hand)


def test_a_small_campaign_needs_one_redis_and_one_shard_and_the_least_of_everything():
    found = values(participants=10_000, sockets=100)
    assert (found["masters"], found["shards"]) == (1, 1) and found["backlog"] == 0 and found["drain_minutes"] == 0
    assert [found[name] for name in ("intakes", "webs", "lives", "ledgers", "jobs", "poster_workers")] == [2, 2, 1, 2, 2, 1]


def test_posters_are_drawn_beside_each_web_process_which_the_setting_counts_for():
    """A share of 100 %: 250 cores of posters beside 98 web processes are three each."""
    found = values(posters=1.0, pages=0.0, logins=0.98)
    assert (found["poster_cores"], found["webs"], found["poster_workers"], found["app_cores"]) == (250, 98, 3, 106 + 250)
    assert found["app_gb"] == pytest.approx((106 * 200 + (98 + 2) * 3 * 150) / 1000 + 0.05)


@pytest.mark.parametrize("option, smaller, larger", [
    ("participants", 5_000_000, 6_000_000), ("peak_minute", 0.05, 0.1), ("repeats", 0, 0.5), ("activities", 1, 3), ("pages", 1, 3),
    ("stay", 30, 120), ("logins", 0.2, 0.8), ("posters", 0, 1), ("sockets", 0, 100_000), ("page_kb", 40, 300), ("headroom", 1, 3)])
def test_more_of_anything_never_takes_less(option, smaller, larger):
    less, more = values(**{option: smaller}), values(**{option: larger})
    beside = {"batch", "counting_share", "polling_share", "master_share", "master_gb"}  # of one master, of which there may be more
    if option == "sockets":
        beside |= {"polls_per_second", "polls_mbit"}  # who has a socket does not ask
    assert {key: (less[key], more[key]) for key in less if key not in beside and more[key] < less[key]} == {}
    assert any(more[key] > less[key] for key in less)


def test_a_faster_document_store_leaves_less_in_the_journal():
    slow, fast = values(store_rate=1000), values(store_rate=9000)
    assert slow["journal_mb"] > fast["journal_mb"] > 0 == values(store_rate=20_000)["journal_mb"]
    assert slow["drain_minutes"] > fast["drain_minutes"]
    assert slow["journal_most_mb"] == fast["journal_most_mb"], "MongoDB may be away altogether"


def test_a_cdn_takes_the_scripts_off_the_line_and_nothing_else():
    near, far = values(), values(cdn=True)
    assert near["out_mbit"] - far["out_mbit"] == pytest.approx(2 * (near["page_mbit"] - near["html_mbit"]))
    assert {key for key in near if near[key] != far[key]} == {"out_mbit"}


def test_shards_that_are_given_are_taken_and_judged():
    found = values(shards=48)
    assert (found["shards"], found["masters"]) == (48, 12)
    # so many shards leave nobody to gather with: 1,000 calls a second of a master x (100 + 10) us, and 4 shards x 157 looks x 50 us
    assert (found["batch"], found["counting_share"], found["polling_share"]) == pytest.approx((1, 11, 3.14))
    sheet = plan(Asked(60_000_000, shards=1), measured())
    assert sheet["masters"] == 1 and sheet["master_share"] > 100
    assert any("master" in one for one in paper.warnings(sheet))


def test_everysec_costs_less_and_says_what_it_risks():
    assert values(disk="everysec")["counting_share"] * values(disk="everysec")["masters"] < values()["counting_share"] * values()["masters"]
    assert any("everysec" in one for one in paper.warnings(plan(Asked(1000, disk="everysec"), measured())))


def test_what_was_never_measured_is_said_and_what_was_is_not():
    small = paper.warnings(plan(Asked(100_000, peak_minute=0.01, sockets=1000), measured()))
    assert small == []
    large = "\n".join(paper.warnings(plan(Asked(100_000_000), measured())))
    for word in ("2,000,000 people", "11,000 salutes", "3 masters", "10,000 sockets", "--store-rate"):
        assert word in large
    few = "\n".join(paper.warnings(plan(Asked(100_000_000, shards=12), measured())))
    assert "WENMING_JOURNAL_MAX_CHANGES" in few, "eight million changes would wait in each of twelve journals"
    assert any("--store-rate" in one for one in paper.warnings(plan(Asked(1000, store_rate=50_000), measured())))


class TestPaper:
    @pytest.mark.parametrize("asked", [Asked(5_000_000), Asked(1), Asked(1_000_000_000, peak_minute=0.001, activities=13)])
    def test_it_fits_eighty_columns_wherever_it_is_shown(self, asked):
        lines = paper.text(plan(asked, figures.read())).splitlines()
        assert [line for line in lines if paper.width(line) > paper.COLUMNS] == []
        unsure = {sign for line in lines for sign in line if unicodedata.east_asian_width(sign) == "A"}
        assert unsure == set(), "a terminal may show these one or two columns wide"

    def test_results_stand_under_each_other_and_every_step_shows_its_numbers(self):
        sheet = plan(Asked(5_000_000), figures.read())
        lines = paper.text(sheet).splitlines()
        results = [line for line in lines if " = " in line]
        assert len(results) == len(sheet.lines)
        assert len({paper.width(line[:line.index(" = ")]) for line in results}) == 1
        assert all(line.formula and re.search(r"[A-Za-z]", line.en) and re.search(r"[一-鿿A-Z]", line.zh) for line in sheet.lines)

    def test_every_figure_that_was_used_names_its_command_and_its_day(self):
        sheet = plan(Asked(5_000_000), figures.read())
        text = paper.text(sheet)
        for name in sheet.figures.used:
            figure = sheet.figures.figure(name)
            assert f"{figure.command}, {figure.date}" in text and NAMES[name][1] in text

    @pytest.mark.parametrize("text, columns, lines", [
        ("one two three", 8, ["one two", "three"]), ("向国旗敬礼", 6, ["向国旗", "敬礼"]), ("共三人，再来", 6, ["共三", "人，再", "来"]),
        ("", 8, [""])])
    def test_lines_break_between_words_and_between_chinese_signs(self, text, columns, lines):
        assert paper.wrapped(text, columns) == lines


class TestFigures:
    """The file that is committed, and how a benchmark writes one."""

    def test_the_committed_ones_are_whole_and_come_from_commands_that_exist(self):
        found = figures.read()
        makefile = (ROOT / "Makefile").read_text("utf-8")
        for name in NAMES:
            figure = found.figure(name)
            assert date(2026, 11, 1) <= date.fromisoformat(figure.date) and "cores" in figure.machine
            target = re.match(r"make ([a-z-]+)", figure.command)
            module = re.match(r"python -m (tests[\w.]+)", figure.command)
            assert target and f"\n{target[1]}:" in makefile or module and (ROOT / (module[1].replace(".", "/") + ".py")).exists(), name

    def test_the_plan_reads_each_of_them(self):
        sheets = [plan(Asked(5_000_000, disk=disk), figures.read()) for disk in ("always", "everysec")]
        for sheet in sheets:
            paper.warnings(sheet)
        assert set(NAMES) == {name for sheet in sheets for name in sheet.figures.used}

    def test_each_comes_from_the_command_that_measures_it(self):
        """What each benchmark writes is what its own report says; the rest is that of `make bench-plan`."""
        intakes = [Contender(name, 1, [], rates=[2.0], cpu_us=[cpu], p99_ms=[1.0]).row()
                   for name, cpu in (("intake always", 51.84), ("intake everysec", 44.04), ("bare httptools", 14.0))]
        told = {"ok": True, "participants": 60_000, "peak_second": 6662, "posters_per_core_second": 61.8,
                "highest": {"backlog": 1_264_709, "journal_bytes": 63_000_000, "server_rss": 187_539_456, "posters_rss": 142_487_552}}
        found = {"make bench": compare.for_plan({"contenders": intakes}),
                 "make bench-live": bench_live.for_plan({"cpu_seconds_per_tick": 0.184, "kb_per_socket": 2.4}, 14_000),
                 "python -m tests.bench.bench_page 5": bench_page.for_plan([(780.0, 49_152, 39_117)]),
                 "make rehearsal": bench_rehearsed.for_plan(told), "make cluster-test": {"rehearsed_masters": 3}}
        assert found["make bench"] == {"intake_us_always": 51.8, "intake_us_everysec": 44.0}
        assert found["make bench-live"] == {"live_us": 13.1, "live_sockets": 14_000, "socket_kb": 2.4}
        assert found["python -m tests.bench.bench_page 5"] == {"first_view_kb": 48.0}
        assert found["make rehearsal"] == {
            "rehearsed_people": 60_000, "rehearsed_per_second": 6662, "journal_bytes": 49.8, "process_mb": 188, "poster_process_mb": 142,
            "posters_per_second": 61.8}
        written = {name: command for command, values in found.items() for name in values}
        committed = figures.read()
        assert {name: committed.figure(name).command for name in NAMES} == {name: written.get(name, "make bench-plan") for name in NAMES}

    def test_a_rehearsal_that_says_little_says_nothing_to_the_plan(self):
        told = {"ok": True, "participants": 60_000, "peak_second": 6662, "posters_per_core_second": 0.0,
                "highest": {"backlog": 0, "journal_bytes": 412, "server_rss": 2e8, "posters_rss": 35_115_008}}
        assert bench_rehearsed.for_plan(told) == {"rehearsed_people": 60_000, "rehearsed_per_second": 6662, "process_mb": 200}
        for wrong in ({"ok": False}, {"participants": 49_999}):
            with pytest.raises(SystemExit):
                bench_rehearsed.for_plan(told | wrong)
        assert bench_rehearsed.made_on({"campaign": "rehearsal-1795699605"}) == date(2026, 11, 26)

    @pytest.mark.gen_test(timeout=60)
    async def test_an_identity_takes_what_the_store_keeps_of_it(self, stores):
        measured_now = await identity(stores)  # a store may keep the number in four bytes or in eight
        assert measured_now["identity_bytes"] == pytest.approx(figures.read()("identity_bytes"), rel=0.02)

    def test_what_the_readme_says_of_them_is_what_they_say(self):
        text, found = (ROOT / "README.md").read_text("utf-8"), figures.read()
        for said in (f" {found('intake_us_always')} ", f" {found('intake_us_everysec')} ", f"{found('live_sockets'):,.0f} readers",
                     f"{found('socket_kb')} KB a socket", f"first view {found('first_view_kb'):.0f} KB",
                     f"server {found('process_mb'):g} MB", f"{found('posters_per_second'):g} posters a second of one core",
                     f"| {found('rehearsed_people'):,.0f}, ", f"{found('rehearsed_per_second'):,.0f} in the best second"):
            assert said in text, said

    def test_what_is_set_by_default_is_what_it_goes_by(self):
        default = {one.name: one.default for one in dataclasses.fields(Settings)}
        assert (Asked.sockets, beyond.JOURNAL_MAX_CHANGES) == (default["live_max_sockets"], default["journal_max_changes"])

    def test_a_benchmark_writes_what_it_measured_beside_what_others_did(self, tmp_path):
        path = tmp_path / "figures.json"
        figures.note(path, {"page_us": 2000.0}, "make bench-plan", date(2026, 11, 27))
        figures.note(path, {"login_us": 5000.0, "page_us": 1900.0}, "make bench-plan", date(2026, 11, 28), {"page_us": "quiet"})
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Figure])
        assert {name: figure.value for name, figure in found.items()} == {"page_us": 1900.0, "login_us": 5000.0}
        assert found["page_us"].note == "quiet" and found["page_us"].date == "2026-11-28"
        with pytest.raises(PlanError, match="no_such"):
            figures.note(path, {"no_such": 1.0}, "make bench", date(2026, 11, 28))

    def test_a_file_that_is_not_whole_is_refused(self, tmp_path):
        path = tmp_path / "figures.json"
        for text, word in (("{}", "intake_us_always"), ("no", "no file of figures"), ('{"page_us": {"value": 1}}', "no file of figures")):
            path.write_text(text)
            with pytest.raises(PlanError, match=word):
                figures.read(path)
        whole = msgspec.json.decode(figures.HERE.read_bytes())
        whole["page_us"]["value"] = 0
        path.write_text(json.dumps(whole))
        with pytest.raises(PlanError, match="page_us"):
            figures.read(path)
        with pytest.raises(PlanError, match="cannot be read"):
            figures.read(tmp_path / "gone.json")


def test_the_paper_on_growing_says_what_the_plan_computes():
    text = (ROOT / "deploy" / "growing.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if re.match(r"\| \d ", line)]
    for column, peak in ((3, 0.01), (4, 0.1)):
        sheet = plan(Asked(100_000_000, peak_minute=peak, cdn=True), figures.read())
        first = (sheet["webs"], round(sheet["out_mbit"], -1), round(sheet["poster_cores"]), sheet["wanted_per_second"],
                 sheet["masters"], sheet["intakes"])
        assert [row[column] for row in rows] == [f"{value:,.0f}" for value in first]
        assert f"{sheet['disk_gb']:.1f} GB" in text


class TestCommand:
    def test_people_write_numbers_in_many_ways(self):
        for text in ("5000000", "5,000,000", "500万", "5_000_000"):
            assert OPTIONS["participants"][0](text) == 5_000_000
        assert OPTIONS["participants"][0]("1.2亿") == 120_000_000
        assert OPTIONS["peak_minute"][0]("10%") == OPTIONS["peak_minute"][0]("0.1") == pytest.approx(0.1)

    @pytest.mark.parametrize("option, text", [
        ("participants", "0"), ("participants", "-5"), ("participants", "nan"), ("participants", "many"), ("participants", ""),
        ("participants", "1e400"), ("participants", "2.5"), ("participants", "20亿"), ("participants", "万"),
        ("peak_minute", "0"), ("peak_minute", "0%"), ("peak_minute", "-10%"), ("peak_minute", "101%"), ("peak_minute", "10"),
        ("peak_minute", "nan%"), ("peak_minute", "some"), ("repeats", "-1%"), ("repeats", "inf"), ("activities", "0"), ("activities", "14"),
        ("pages", "-1"), ("stay", "nan"), ("logins", "2"), ("posters", "200%"), ("sockets", "1.5"), ("sockets", "-1"), ("page_kb", "-48"),
        ("cdn", "maybe"), ("shards", "16385"), ("shards", "0.5"), ("disk", "sometimes"), ("headroom", "0.5"), ("headroom", "inf"),
        ("store_rate", "-1")])
    def test_nonsense_is_refused(self, option, text):
        with pytest.raises(PlanError, match="wanted"):
            OPTIONS[option][0](text)

    @pytest.mark.parametrize("words", [("--participants", "0"), ("--participants=-5",), ("--participants", "nan"), (),
                                       ("--peak-minute", "10%"),
                                       ("--participants", "5000", "--peak-minute", "101%"), ("--participants", "5000", "--cdn", "perhaps"),
                                       ("--participants", "5000", "--figures", "/no/such/file")])
    def test_one_line_and_status_2(self, words, capsys):
        status, out, err = command(capsys, *words)
        assert status == 2 and out == "" and len(err.strip().splitlines()) == 1
        assert "--" in err or "/no/such/file" in err

    def test_the_paper_and_its_json_say_the_same(self, capsys):
        words = ("--participants", "5000000", "--peak-minute", "10%", "--cdn", "yes")
        (status, told, _), (also, shown, _) = command(capsys, *words, "--json"), command(capsys, *words)
        assert status == also == 0
        report = json.loads(told)
        assert report["asked"]["participants"] == 5_000_000 and report["asked"]["cdn"] is True
        assert {line["key"]: line["value"] for line in report["lines"]}.items() >= report["needs"].items()
        assert all(line["formula"] in shown.replace("\n    ", " ") for line in report["lines"])
        assert set(report["figures"]) <= set(NAMES) and all(one["command"] and one["date"] for one in report["figures"].values())

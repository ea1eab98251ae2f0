"""The flag is the law's: 国旗制法说明, measured on the one file that every picture of it comes from."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from server.posters.draw import SVG, flag_picture

FILE = Path(__file__).parents[3] / "assets" / "flag.svg"
BIG = (5.0, 5.0)
SMALL = [(10.0, 2.0), (12.0, 4.0), (12.0, 7.0), (10.0, 9.0)]
# A thousandth of a unit is 0.02 of a pixel on a poster.
NEAR = 0.001


def stars() -> list[list[tuple[float, float]]]:
    root = ElementTree.fromstring(FILE.read_text("utf-8"))
    rows = [star.attrib["points"].split() for star in root.iter(f"{SVG}polygon")]
    return [[(float(x), float(y)) for x, y in (point.split(",") for point in row)] for row in rows]


def test_field_and_colours():
    root = ElementTree.fromstring(FILE.read_text("utf-8"))
    assert root.attrib["viewBox"] == "0 0 30 20"
    field = root.find(f"{SVG}rect")
    assert (field.attrib["width"], field.attrib["height"], field.attrib["fill"]) == ("30", "20", "#DE2910")
    assert {star.attrib["fill"] for star in root.iter(f"{SVG}polygon")} == {"#FFDE00"}
    assert all("transform" not in element.attrib and "opacity" not in element.attrib for element in root.iter())


def test_there_are_five_stars_at_the_laws_places():
    centres = [(sum(x for x, _ in star[::2]) / 5, sum(y for _, y in star[::2]) / 5) for star in stars()]
    assert centres == [pytest.approx(centre, abs=NEAR) for centre in [BIG, *SMALL]]


@pytest.mark.parametrize("number", range(5))
def test_a_star_is_regular_and_points_where_it_must(number):
    star, centre, radius = stars()[number], [BIG, *SMALL][number], 3.0 if number == 0 else 1.0
    assert len(star) == 10
    towards = math.atan2(-1, 0) if number == 0 else math.atan2(BIG[1] - centre[1], BIG[0] - centre[0])
    for at, (x, y) in enumerate(star):
        # the inner corners are where straight lines between every second tip cross
        length = radius if at % 2 == 0 else radius * math.sin(math.radians(18)) / math.sin(math.radians(54))
        angle = towards + at * math.pi / 5
        assert (x, y) == pytest.approx((centre[0] + length * math.cos(angle), centre[1] + length * math.sin(angle)), abs=NEAR)


def test_the_drawn_flag_has_the_same_colours_and_shape():
    picture = flag_picture(FILE, 600)
    assert picture.size == (600, 400)
    assert [picture.getpixel((x * 20, y * 20)) for x, y in [BIG, *SMALL]] == [(0xFF, 0xDE, 0x00)] * 5
    assert [picture.getpixel(at) for at in [(0, 0), (599, 0), (0, 399), (599, 399), (450, 300)]] == [(0xDE, 0x29, 0x10)] * 5
    # how yellow a pixel is tells how much of it a star covers
    yellow = sum(count * (green - 0x29) / (0xDE - 0x29) for green, count in enumerate(picture.getchannel("G").histogram()))
    one = 5 * math.sin(math.radians(36)) * math.sin(math.radians(18)) / math.sin(math.radians(54))  # of a star with radius 1
    assert yellow == pytest.approx(one * (9 + 4) * 400, rel=0.01)

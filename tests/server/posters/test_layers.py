"""A template that would cover the flag, hide the code or leave the picture is refused, with every reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.posters.layers import Flag, Qr, TemplateError, load_template

FOLDER = Path(__file__).parents[3] / "assets" / "posters"
SKY = {"kind": "background", "x": 0, "y": 0, "w": 750, "h": 1334, "stops": [[0, "#000000"], [1, "#FFFFFF"]]}
FLAG = {"kind": "flag", "x": 100, "y": 100, "w": 300, "h": 200}
CODE = {"kind": "qr", "x": 44, "y": 1000, "w": 264, "h": 264}


def text(**changes):
    return {"kind": "text", "x": 100, "y": 400, "w": 300, "h": 60, "text": "{title}", "font": "serif", "size": 40,
            "color": "#FFFFFF"} | changes


def problems(tmp_path, *layers, **changes) -> str:
    template = {"width": 750, "height": 1334, "quality": 85, "layers": layers} | changes
    (tmp_path / "t.json").write_text(json.dumps(template), "utf-8")
    with pytest.raises(TemplateError) as refused:
        load_template(tmp_path, "t")
    return "\n".join(refused.value.problems)


def test_the_templates_that_we_ship_stand():
    poster = load_template(FOLDER, "salute")
    assert (poster.width, poster.height, poster.quality) == (750, 1334, 85)
    assert sum(isinstance(layer, Flag) for layer in poster.layers) == sum(isinstance(layer, Qr) for layer in poster.layers) == 1
    assert {word for layer in poster.personal() for word in layer.words()} >= {"name", "ordinal", "date", "region"}
    load_template(FOLDER, "share-salute")


@pytest.mark.parametrize(("layers", "reason"), [
    ([SKY, FLAG, text(y=150)], "layer 2 lies over the flag"),
    ([SKY, text(y=150), FLAG], "layer 1 lies under the flag"),
    ([SKY, text(y=150, text="{name}"), FLAG], "layer 1 lies over the flag"),
    ([SKY, FLAG, CODE | {"x": 350, "y": 250}], "layer 2 lies over the flag"),
    ([SKY, FLAG, {"kind": "shape", "x": 0, "y": 0, "w": 750, "h": 1334, "color": "#00000020"}], "layer 2 lies over the flag"),
    ([SKY, FLAG | {"h": 220}], "is not 3:2"),
    ([SKY, CODE | {"w": 150}], "is under 200 pixels"),
    ([SKY, CODE, text(y=1100)], "something lies over the QR code"),
    ([SKY, CODE, CODE | {"x": 400}], "two QR codes"),
    ([SKY, text(x=600)], "is not inside the poster"),
    ([SKY, text(x=-1)], "is not inside the poster"),
    ([SKY, text(text="{openid}")], "unknown word {openid}"),
    ([SKY, text(size=80)], "needs sizes up to its height"),
    ([SKY, text(color="red")], "the colour 'red'"),
    ([{"kind": "image", "x": 0, "y": 0, "w": 9, "h": 9, "file": "../flag.svg"}], "not beside the template"),
    ([{"kind": "video", "x": 0, "y": 0, "w": 9, "h": 9}], "video"),
    ([text(shadow=1)], "shadow"),
])
def test_what_is_refused(tmp_path, layers, reason):
    assert reason in problems(tmp_path, *layers)


def test_every_problem_is_told_at_once(tmp_path):
    told = problems(tmp_path, SKY, FLAG | {"h": 220}, text(x=600), quality=10)
    assert "quality" in told and "3:2" in told and "inside" in told


@pytest.mark.parametrize("name", ["", "../salute", "no-such", "UPPER"])
def test_a_name_stays_in_its_folder(name):
    with pytest.raises(TemplateError):
        load_template(FOLDER, name)

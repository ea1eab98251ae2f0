"""Films and sound: what WeChat plays is taken, what phones note beside it is blanked, everything else is refused with its reason."""

from __future__ import annotations

import hashlib
import re

import av
import pytest
from PIL import Image

from server.media import films
from server.media.wire import Refused
from tests.server.media.media_world import box, film, photograph, song

CHINESE = re.compile(r"[一-鿿]")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return film(tmp_path_factory.mktemp("film"))


def looked_at(tmp_path, data, kind="video"):
    path = tmp_path / "original"
    path.write_bytes(data)
    return (films.look_at_film(path, tmp_path) if kind == "video" else films.look_at_sound(path)), path


def test_a_film_is_told_its_size_and_length_and_shows_a_picture(tmp_path, made):
    answer, path = looked_at(tmp_path, made)
    video, poster = answer.made
    assert (answer.width, answer.height, video.form, video.bytes, poster.variant) == (320, 240, "mp4", len(made), "poster")
    assert 1.5 <= answer.seconds <= 2.5 and video.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with Image.open(poster.path) as picture:
        assert picture.size == (320, 240) and picture.format == "JPEG"


def test_a_film_that_a_phone_held_upright_is_upright(tmp_path):
    """The picture lies on its side in the file, red on the left; a matrix says to turn it by a quarter, clockwise."""
    lying = Image.new("RGB", (1280, 720), "blue")
    lying.paste(Image.new("RGB", (640, 720), "red"), (0, 0))
    turned = bytearray(film(tmp_path, size=(1280, 720), seconds=1, sound="", picture=lying))
    matrix = turned.index(b"tkhd") + 4 + 40
    turned[matrix:matrix + 36] = b"".join(n.to_bytes(4, "big", signed=True) for n in (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30))
    answer, _ = looked_at(tmp_path, bytes(turned))
    assert (answer.width, answer.height) == (720, 1280)
    with Image.open(answer.made[1].path) as poster:
        assert poster.size == (720, 1280)
        (above, *_), (below, *_) = poster.getpixel((360, 100)), poster.getpixel((360, 1200))
        assert above > 200 > 50 > below


def test_an_mp3_is_told_its_length(tmp_path):
    data = song(tmp_path)
    answer, _ = looked_at(tmp_path, data, "audio")
    assert 1.5 <= answer.seconds <= 2.5 and answer.made[0].form == "mp3" and answer.made[0].bytes == len(data)


def test_what_a_phone_notes_is_blanked_where_it_stands(tmp_path, made):
    """As phones write it: the place in the film's own notes, and again in a box of the file's."""
    at = made.index(b"moov") - 4
    size = int.from_bytes(made[at:at + 4], "big")
    place = box(b"udta", box(b"\xa9xyz", b"\x00\x12\x15\xc7+24.5000+117.6500/"))
    noted = made[:at] + (size + len(place)).to_bytes(4, "big") + made[at + 4:at + size] + place + made[at + size:] + box(
        b"uuid", b"x" * 16 + b"<x:xmpmeta>SecretPhone")
    assert at > made.index(b"mdat"), "what is added behind the pictures moves none of them"
    answer, path = looked_at(tmp_path, noted)
    kept = path.read_bytes()
    assert len(kept) == len(noted) and b"+24.5" not in kept and b"SecretPhone" not in kept
    with av.open(str(path)) as played:
        assert sum(1 for _ in played.decode(video=0)) == 20
    assert answer.made[0].sha256 == hashlib.sha256(kept).hexdigest()


def test_a_track_of_measured_things_is_blanked(tmp_path, made):
    at = made.index(b"moov") - 4
    size = int.from_bytes(made[at:at + 4], "big")
    track = box(b"trak", box(b"mdia", box(b"hdlr", b"\x00" * 8 + b"meta" + b"\x00" * 12) + box(b"minf", b"face of somebody")))
    noted = made[:at] + (size + len(track)).to_bytes(4, "big") + made[at + 4:at + size] + track + made[at + size:]
    _, path = looked_at(tmp_path, noted)
    assert b"face of somebody" not in path.read_bytes()


def refused(tmp_path, data, kind="video"):
    with pytest.raises(Refused) as told:
        looked_at(tmp_path, data, kind)
    assert CHINESE.search(told.value.message)
    return told.value.code


@pytest.mark.parametrize(("options", "code"), [
    ({"codec": "mpeg4"}, "MEDIA_FORMAT_WRONG"), ({"sound": "ac3"}, "MEDIA_FORMAT_WRONG"), ({"form": "mov"}, "MEDIA_TYPE_WRONG")])
def test_what_some_phones_do_not_play_is_refused(tmp_path, options, code):
    assert refused(tmp_path, film(tmp_path, **options)) == code


def test_what_is_no_film_is_refused(tmp_path, made):
    for wrong, code in ((photograph(), "MEDIA_NOT_READABLE"), (b"", "MEDIA_TYPE_WRONG"), (box(b"ftyp", b"isom"), "MEDIA_NOT_READABLE"),
                        (box(b"ftyp", b"heic") + made[32:], "MEDIA_TYPE_WRONG"), (made[:len(made) // 2], "MEDIA_NOT_READABLE"),
                        (made + b"<html>", "MEDIA_NOT_READABLE"), (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "MEDIA_NOT_READABLE"),
                        (box(b"ftyp", b"isom") + box(b"moov", box(b"trak", b"")) + box(b"mdat", b"x" * 100), "MEDIA_NOT_READABLE"),
                        (box(b"ftyp", b"isom") + b"\x00\x00\x00\x01moov" + b"\xff" * 8, "MEDIA_NOT_READABLE")):
        assert refused(tmp_path, wrong) == code
    assert refused(tmp_path, made, "audio") == refused(tmp_path, b"ID3" + b"\x00" * 3000, "audio") == "MEDIA_TYPE_WRONG"


def test_a_film_without_sound_is_taken_and_sound_without_a_picture_is_not(tmp_path):
    assert looked_at(tmp_path, film(tmp_path, sound=""))[0].seconds
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=44100)
        from tests.server.media.media_world import silence

        out.mux(silence(stream, 1))
    assert refused(tmp_path, (tmp_path / "sound.mp4").read_bytes()) == "MEDIA_FORMAT_WRONG"

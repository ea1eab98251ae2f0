"""Pictures: every bad one is refused with its reason, and what phones get is made of the pixels alone."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from server.media import pictures
from server.media.medium import MIDDLE
from server.media.wire import Refused
from tests.server.media.media_world import drawing, photograph, saved

CHINESE = re.compile(r"[一-鿿]")


def looked_at(tmp_path, data, focus=MIDDLE):
    path, folder = tmp_path / "original", tmp_path / "made"
    folder.mkdir(exist_ok=True)
    path.write_bytes(data)
    return pictures.look(path, folder, focus)


def opened(answer, variant):
    path = next(made.path for made in answer.made if made.variant == variant)
    picture = Image.open(io.BytesIO(Path(path).read_bytes()))
    picture.load()
    return picture


def png_of(width, height, body=b""):
    """A PNG whose header says this size, with next to nothing behind it."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(
        b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def jpeg_of(width, height):
    """A JPEG whose header says this size."""
    data = bytearray(photograph(64, 64))
    at = data.index(b"\xff\xc0")
    data[at + 5:at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Evil.class", b"\xca\xfe\xba\xbe")
    return out.getvalue()


def animated(form):
    return saved(drawing(), form, save_all=True, append_images=[drawing(colour="blue")])


REFUSED = {
    "no picture": (b"nothing of the kind", "MEDIA_TYPE_WRONG"),
    "an SVG": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "MEDIA_SVG"),
    "a bare SVG behind blanks": (b"\xef\xbb\xbf\n  <SVG onload='x'></SVG>", "MEDIA_SVG"),
    "HEIC": (b"\x00\x00\x00\x18ftypheic\x00\x00", "MEDIA_TYPE_WRONG"),
    "BMP": (saved(drawing(), "BMP"), "MEDIA_TYPE_WRONG"),
    "TIFF": (saved(drawing(), "TIFF"), "MEDIA_TYPE_WRONG"),
    "a PDF": (saved(drawing(), "PDF"), "MEDIA_TYPE_WRONG"),
    "a ZIP": (zipped(), "MEDIA_TYPE_WRONG"),
    "65,535 pixels square as PNG": (png_of(65535, 65535), "MEDIA_PICTURE_TOO_LARGE"),
    "65,535 pixels square as JPEG": (jpeg_of(65535, 65535), "MEDIA_PICTURE_TOO_LARGE"),
    "wide as nothing is": (png_of(30000, 20), "MEDIA_PICTURE_TOO_LARGE"),
    "fifty million pixels and some": (png_of(7100, 7100), "MEDIA_PICTURE_TOO_LARGE"),
    "four billion pixels": (png_of(2**31 - 1, 2), "MEDIA_PICTURE_TOO_LARGE"),
    "a counting pixel": (saved(drawing(size=(1, 1)), "PNG"), "MEDIA_PICTURE_TOO_SMALL"),
    "an animated GIF": (animated("GIF"), "MEDIA_ANIMATED"),
    "an animated PNG": (animated("PNG"), "MEDIA_ANIMATED"),
    "an animated WebP": (animated("WEBP"), "MEDIA_ANIMATED"),
    "a JPEG with a ZIP behind it": (photograph() + zipped(), "MEDIA_TWO_FACED"),
    "a GIF with a JAR behind it": (saved(drawing(), "GIF") + zipped(), "MEDIA_TWO_FACED"),
    "a PNG with a page behind it": (saved(drawing(), "PNG") + b"\n<HTML><body onload=alert(1)>", "MEDIA_TWO_FACED"),
    "a WebP with PHP behind it": (saved(drawing(), "WEBP") + b"<?php system($_GET[0]); ?>", "MEDIA_TWO_FACED"),
    "a JPEG with a script behind it": (photograph() + b"\x00" * 500 + b"<script>alert(1)</script>", "MEDIA_TWO_FACED"),
    "a JPEG with a program behind it": (photograph() + b"MZ\x90\x00", "MEDIA_TWO_FACED"),
    "a ZIP in a JPEG's comment": (saved(drawing(), "JPEG", comment=zipped()), "MEDIA_TWO_FACED"),
    "a JPEG cut off": (photograph()[:-20_000], "MEDIA_NOT_READABLE"),
    "a PNG without its pixels": (png_of(640, 480, b"\x00" * 100), "MEDIA_NOT_READABLE"),
    "a PNG with broken pixels": (saved(drawing(), "PNG").replace(b"IDAT\x78", b"IDAT\x79", 1), "MEDIA_NOT_READABLE"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_bad_picture_is_refused_with_its_reason(tmp_path, what):
    data, code = REFUSED[what]
    with pytest.raises(Refused) as refused:
        looked_at(tmp_path, data)
    assert refused.value.code == code and CHINESE.search(refused.value.message)
    assert list((tmp_path / "made").iterdir()) == []


def test_what_is_too_large_is_never_decoded(tmp_path, monkeypatch):
    large = png_of(65535, 65535), jpeg_of(65535, 65535), png_of(7100, 7100)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    for data in large:
        with pytest.raises(Refused):
            looked_at(tmp_path, data)


def test_what_phones_add_behind_a_jpeg_is_dropped_without_a_word(tmp_path):
    film = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 400
    answer = looked_at(tmp_path, photograph() + film)
    assert all(film[:12] not in Path(made.path).read_bytes() for made in answer.made)


class TestVariants:
    def test_the_widths_of_phones_and_the_slots(self, tmp_path):
        answer = looked_at(tmp_path, photograph(1600, 1200))
        sizes = {made.variant: (made.width, made.height) for made in answer.made}
        assert sizes == {"full": (1600, 1200), "w375": (375, 281), "w750": (750, 562), "w1125": (1125, 844), "cover": (900, 383),
                         "square": (600, 600), "poster": (674, 1200)}
        assert all(opened(answer, name).size == size for name, size in sizes.items())
        assert (answer.width, answer.height) == (1600, 1200) and {made.form for made in answer.made} == {"jpg"}

    def test_nothing_is_enlarged(self, tmp_path):
        answer = looked_at(tmp_path, photograph(300, 200))
        assert {made.variant: (made.width, made.height) for made in answer.made} == {
            "full": (300, 200), "cover": (300, 127), "square": (200, 200), "poster": (112, 200)}

    def test_a_large_one_becomes_what_anybody_gets(self, tmp_path):
        answer = looked_at(tmp_path, photograph(6000, 3000))
        assert (answer.width, answer.height) == (2560, 1280)

    @pytest.mark.parametrize(("focus", "colour"), [((0.0, 0.5), "red"), ((1.0, 0.5), "blue")])
    def test_a_crop_keeps_the_focus(self, tmp_path, focus, colour):
        picture = Image.new("RGB", (1200, 300), "white")
        picture.paste(Image.new("RGB", (300, 300), "red"), (0, 0))
        picture.paste(Image.new("RGB", (300, 300), "blue"), (900, 0))
        square = opened(looked_at(tmp_path, saved(picture, "PNG"), focus), "square")
        assert square.size == (300, 300)
        assert square.convert("RGB").getpixel((150, 150)) == {"red": (255, 0, 0), "blue": (0, 0, 255)}[colour]

    def test_a_drawing_stays_a_png_and_a_photograph_does_not(self, tmp_path):
        assert {made.form for made in looked_at(tmp_path, saved(drawing(), "PNG")).made if made.variant == "full"} == {"png"}
        assert {made.form for made in looked_at(tmp_path, photograph(form="PNG")).made if made.variant == "full"} == {"jpg"}

    def test_what_can_be_seen_through_stays_so(self, tmp_path):
        glass = drawing("RGBA", colour=(255, 0, 0, 0))
        for form in ("PNG", "WEBP", "GIF"):
            found = opened(looked_at(tmp_path, saved(glass, form)), "full")
            assert found.mode in ("RGBA", "P") and found.format == "PNG"
        solid = opened(looked_at(tmp_path, photograph(form="WEBP", lossless=True)), "full")
        assert solid.format == "JPEG"  # old phones show no WebP

    def test_grey_cmyk_and_palettes_become_what_everything_shows(self, tmp_path):
        for mode, form in (("L", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("I;16", "PNG"), ("1", "PNG")):
            data = saved(Image.linear_gradient("L").resize((400, 300)).convert("L").convert(mode), form)
            assert opened(looked_at(tmp_path, data), "full").convert("RGB").size == (400, 300)


class TestNotes:
    def test_place_camera_and_profile_are_gone_and_it_stands_upright(self, tmp_path):
        exif = Image.Exif()
        exif[0x0110], exif[0x0112] = "SecretPhone 9", 6  # the model; turned by a quarter
        exif.get_ifd(0x8825)[2] = (24.0, 30.0, 0.0)  # where
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        data = photograph(800, 600, exif=exif, icc_profile=profile, comment=b"taken by Wang")
        assert b"SecretPhone" in data and b"taken by Wang" in data
        answer = looked_at(tmp_path, data)
        assert (answer.width, answer.height) == (600, 800)
        for made in answer.made:
            kept = Path(made.path).read_bytes()
            assert b"SecretPhone" not in kept and b"Wang" not in kept and b"Exif" not in kept and b"ICC" not in kept
            with Image.open(made.path) as picture:
                assert dict(picture.getexif()) == {} and not picture.info.get("icc_profile")

    def test_the_notes_of_a_png_are_gone(self, tmp_path):
        from PIL.PngImagePlugin import PngInfo

        notes = PngInfo()
        notes.add_text("Author", "SecretName")
        answer = looked_at(tmp_path, saved(drawing(), "PNG", pnginfo=notes))
        assert all(b"SecretName" not in Path(made.path).read_bytes() for made in answer.made)

    def test_a_profile_that_is_nonsense_keeps_nobody_from_the_picture(self, tmp_path):
        assert looked_at(tmp_path, photograph(800, 600, icc_profile=b"nonsense" * 40)).width == 800

    def test_the_same_pixels_are_known_again(self, tmp_path):
        exif = Image.Exif()
        exif[0x0110] = "SecretPhone 9"
        first, again = looked_at(tmp_path, photograph()), looked_at(tmp_path, photograph(exif=exif))
        other = looked_at(tmp_path, photograph(seed=9))
        assert first.pixels == again.pixels != other.pixels


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"hevc", b"mif1", b"msf1"])
def test_a_photo_in_apple_s_own_form_is_refused_with_what_to_do(tmp_path, brand):
    file = tmp_path / "IMG_0001.HEIC"
    file.write_bytes(b"\x00\x00\x00\x18ftyp" + brand + b"\x00" * 40)
    with pytest.raises(Refused) as refusal:
        pictures.look(file, tmp_path, MIDDLE)
    assert refusal.value.code == "MEDIA_TYPE_WRONG" and "截屏" in refusal.value.message and "兼容性最佳" in refusal.value.message

"""What goes into the platform's library opens to its end, or is refused: half a picture would show half."""

from __future__ import annotations

import io
import wave

import av
import pytest
from PIL import Image

from server.media.workshop import NotTaken, Workshop

pytestmark = pytest.mark.gen_test(timeout=60)
FLAG = Image.effect_noise((640, 427), 60).convert("RGB")


def picture(form, **how):
    kept = io.BytesIO()
    FLAG.save(kept, form, **how)
    return kept.getvalue()


def film():
    kept = io.BytesIO()
    with av.open(kept, "w", format="mp4") as made:
        stream = made.add_stream("h264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(10):
            made.mux(stream.encode(av.VideoFrame.from_image(FLAG.resize((320, 240)))))
        made.mux(stream.encode())
    return kept.getvalue()


def sound():
    kept = io.BytesIO()
    with wave.open(kept, "wb") as made:
        made.setparams((1, 2, 8000, 0, "NONE", ""))
        made.writeframes(b"\x01\x02" * 8000)
    return kept.getvalue()


WHOLE = {"jpg": picture("JPEG"), "png": picture("PNG"), "bmp": picture("BMP"), "mp4": film(), "wav": sound(),
         "gif": picture("GIF", save_all=True, append_images=[FLAG.rotate(180)])}


@pytest.fixture
def opens(tmp_path):
    async def opened(content, form):
        path = tmp_path / f"file.{form}"
        path.write_bytes(content)
        await Workshop(tmp_path / "bench").open(path, form)

    return opened


@pytest.mark.parametrize("form", WHOLE)
async def test_one_that_is_whole_is_taken(opens, form):
    await opens(WHOLE[form], form)


@pytest.mark.parametrize("form", ["jpg", "png", "bmp", "gif", "mp4"])
async def test_one_that_was_cut_is_refused(opens, form):
    with pytest.raises(NotTaken) as refused:
        await opens(WHOLE[form][:len(WHOLE[form]) // 2], form)
    assert refused.value.code == "MEDIA_NOT_READABLE" and "传完整" in refused.value.message


@pytest.mark.parametrize(("form", "content"), [
    ("jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF".ljust(2000, b"\x00")), ("mp4", b"\x00\x00\x00\x18ftypmp42".ljust(2000, b"\x00")),
    ("mp3", b"ID3\x03\x00".ljust(2000, b"\x00")), ("wma", WHOLE["jpg"])])
async def test_what_only_begins_like_one_is_refused(opens, form, content):
    with pytest.raises(NotTaken):
        await opens(content, form)

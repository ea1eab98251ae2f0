"""Whether a file opens to its end, for the platform's own library: decoded as a phone would, and kept as it came. Runs in the workshop's
process alone.

The platform takes half a picture and the head of a film without a word; citizens then see a grey half, or nothing.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import av.error
from PIL import Image

from server.media.films import NOT_READABLE, boxes_of
from server.media.pictures import MAX_PIXELS, MAX_SIDE
from server.media.wire import Answer, Refused

PICTURES = {"jpg": ("JPEG",), "png": ("PNG",), "gif": ("GIF",), "bmp": ("BMP",)}
# As the decoder names what it opens.
SOUNDS = {"mp3": "mp3", "amr": "amr", "wav": "wav", "wma": "asf"}
# A moving picture of as many frames takes seconds; whatever is behind them is not looked at.
MAX_FRAMES = 100


def opens(path: Path, form: str) -> Answer:
    """Raises Refused where it does not."""
    if form in PICTURES:
        return _picture(path, PICTURES[form])
    return _film(path) if form == "mp4" else _sound(path, SOUNDS[form])


def _picture(path: Path, formats: tuple[str, ...]) -> Answer:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the sides are looked at here
            with Image.open(path, formats=formats) as picture:
                width, height = picture.size
                if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
                    raise Refused("MEDIA_PICTURE_TOO_LARGE", f"图片有 {width}×{height} 像素，太大了，请缩小后再上传")
                for frame in range(min(getattr(picture, "n_frames", 1), MAX_FRAMES)):
                    picture.seek(frame)
                    picture.load()
                return Answer(width=width, height=height)
    except (Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
        raise Refused("MEDIA_NOT_READABLE", "图片已损坏或没有传完整，打不开；请换一个文件，或重新保存后再传") from error


def _film(path: Path) -> Answer:
    with path.open("rb") as file:
        names = [box.name for box in boxes_of(file, 0, path.stat().st_size)]  # one that goes past the end was cut
    if b"moov" not in names or b"mdat" not in names:
        raise Refused(*NOT_READABLE)
    try:
        with av.open(str(path), format="mp4") as film:
            if not film.streams.video or next(film.decode(film.streams.video[0]), None) is None:
                raise Refused("MEDIA_NOT_READABLE", "视频里没有能播放的画面")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Refused(*NOT_READABLE) from error
    return Answer()


def _sound(path: Path, name: str) -> Answer:
    try:
        with av.open(str(path), format=name) as sound:
            if not sound.streams.audio or next(sound.decode(sound.streams.audio[0]), None) is None:
                raise Refused("MEDIA_NOT_READABLE", "音频里没有能播放的声音")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Refused(*NOT_READABLE) from error
    return Answer()

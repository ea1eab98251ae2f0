"""Films and sound: what WeChat plays, how long, how large, and a picture of it. Runs in the workshop's process alone.

A film is served as it came, byte for byte, but that what it says of itself is blanked where it stands: phones write the place
where it was taken, their model and their owner's name into `udta`, `meta` and `uuid` boxes, and further tracks of measured things. Sizes
stay, so that every offset in the file stays right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from PIL import Image

from server.media.wire import Answer, Made, Refused

# The brands of MP4 that phones, cameras and programs write; `qt  ` is QuickTime, which Android does not show.
BRANDS = {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash", b"mmp4", b"XAVC"}
MAX_BOXES = 10_000
# The index of a film of two hours has 5 MB.
MAX_MOOV_BYTES = 64 << 20
PRIVATE = {b"udta", b"meta", b"uuid", b"XMP_"}
CONTAINERS = {b"moov", b"trak", b"mdia"}
SHOWN = {b"vide", b"soun"}
# 4K is the most that phones decode.
MAX_SIDE = 4096
MAX_SECONDS = 2 * 3600.0
POSTER_WIDTH, POSTER_QUALITY = 1125, 85
# Black at the beginning is common; a second later there is something to see.
POSTER_AT_SECONDS = 1.0
# Frames from one key frame to the next, and many more.
MAX_DECODED = 600
COPY_BYTES = 1 << 20
NOT_READABLE = ("MEDIA_NOT_READABLE", "文件已损坏或没有传完整，打不开")


@dataclass(frozen=True)
class Box:
    name: bytes
    start: int
    body: int
    end: int


def look_at_film(path: Path, folder: Path) -> Answer:
    """Check an MP4, blank what is private, take a picture of it. Raises Refused."""
    with path.open("r+b") as file:
        _check_film(file, path.stat().st_size)
    try:
        with av.open(str(path), format="mp4") as film:
            videos, sounds = film.streams.video, film.streams.audio
            if len(videos) != 1:
                raise Refused("MEDIA_FORMAT_WRONG", "视频文件里要有且只有一路画面")
            codec, width, height = videos[0].codec_context.name, videos[0].codec_context.width, videos[0].codec_context.height
            if codec != "h264":
                raise Refused("MEDIA_FORMAT_WRONG", f"画面编码是 {codec}，部分手机不能播放：请导出成 H.264")
            if any(sound.codec_context.name not in ("aac", "mp3") for sound in sounds):
                raise Refused("MEDIA_FORMAT_WRONG", "声音编码要是 AAC")
            if max(width, height) > MAX_SIDE or min(width, height) < 2:
                raise Refused("MEDIA_PICTURE_TOO_LARGE", f"画面是 {width}×{height}，最大到 4K")
            seconds = _seconds(film.duration)
            picture = _frame(film, videos[0], seconds)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Refused(*NOT_READABLE) from error
    size, sha256 = path.stat().st_size, _hash(path)
    made = [Made("video", str(path), "mp4", sha256, size, *picture.size), _poster(picture, folder)]
    return Answer(made, "", *picture.size, seconds)


def look_at_sound(path: Path) -> Answer:
    """Check an MP3. Raises Refused."""
    try:
        with av.open(str(path), format="mp3") as sound:
            streams = sound.streams.audio
            if len(streams) != 1 or streams[0].codec_context.name not in ("mp3", "mp3float"):
                raise Refused("MEDIA_FORMAT_WRONG", "声音编码要是 MP3")
            seconds = _seconds(sound.duration)
            if next(sound.decode(streams[0]), None) is None:
                raise Refused(*NOT_READABLE)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise Refused("MEDIA_TYPE_WRONG", "文件内容不是 MP3") from error
    return Answer([Made("audio", str(path), "mp3", _hash(path), path.stat().st_size)], seconds=seconds)


def _seconds(microseconds: int | None) -> float:
    seconds = (microseconds or 0) / 1_000_000
    if not 0 < seconds <= MAX_SECONDS:
        raise Refused("MEDIA_TOO_LONG", f"时长最多 {MAX_SECONDS / 3600:.0f} 小时" if seconds else "没有时长")
    return round(seconds, 1)


def _frame(film: av.container.InputContainer, stream: av.VideoStream, seconds: float) -> Image.Image:
    """A picture near the beginning, upright. Raises Refused."""
    stream.codec_context.thread_count = 1
    film.seek(int(min(POSTER_AT_SECONDS, seconds / 2) * 1_000_000))
    for number, frame in enumerate(film.decode(stream)):
        if number > MAX_DECODED:
            break
        picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
        return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture
    raise Refused(*NOT_READABLE)


def _poster(picture: Image.Image, folder: Path) -> Made:
    poster = picture.convert("RGB")
    poster.thumbnail((POSTER_WIDTH, POSTER_WIDTH * 2), Image.Resampling.LANCZOS)
    path = folder / "poster.jpg"
    poster.save(path, "JPEG", quality=POSTER_QUALITY, progressive=True, optimize=True)
    return Made("poster", str(path), "jpg", _hash(path), path.stat().st_size, *poster.size)


def _check_film(file: BinaryIO, size: int) -> None:
    """The boxes from beginning to end; the private ones are blanked. Raises Refused."""
    boxes = list(boxes_of(file, 0, size))
    if not boxes or boxes[0].name != b"ftyp":
        raise Refused("MEDIA_TYPE_WRONG", "文件内容不是 MP4 视频")
    file.seek(boxes[0].body)
    brand = file.read(4)
    if brand == b"qt  ":
        raise Refused("MEDIA_TYPE_WRONG", "这是 QuickTime（MOV）视频，安卓手机不能播放：请导出成 MP4")
    if brand not in BRANDS:
        raise Refused("MEDIA_TYPE_WRONG", "文件内容不是 MP4 视频")
    moov = [box for box in boxes if box.name == b"moov"]
    if len(moov) != 1 or moov[0].end - moov[0].start > MAX_MOOV_BYTES:
        raise Refused(*NOT_READABLE)
    for box in [box for box in boxes if box.name in PRIVATE]:
        _blank(file, box)
    _blank_below(file, moov[0])


def _blank_below(file: BinaryIO, container: Box) -> None:
    for box in list(boxes_of(file, container.body, container.end)):
        if box.name in PRIVATE or (box.name == b"trak" and not _is_shown(file, box)):
            _blank(file, box)
        elif box.name in CONTAINERS:
            _blank_below(file, box)


def _is_shown(file: BinaryIO, track: Box) -> bool:
    """Whether it is a track of pictures or sound, and not of places, faces or time codes."""
    for media in boxes_of(file, track.body, track.end):
        if media.name == b"mdia":
            for box in boxes_of(file, media.body, media.end):
                if box.name == b"hdlr":
                    file.seek(box.body + 8)
                    return file.read(4) in SHOWN
    return False


def boxes_of(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """The boxes of one level. Raises Refused where they do not fit into it."""
    at = start
    for _ in range(MAX_BOXES):
        if at >= end:
            return
        file.seek(at)
        head = file.read(16)
        size, name, body = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if size == 1:
            size, body = int.from_bytes(head[8:16], "big"), at + 16
        elif size == 0:
            size = end - at
        if len(name) < 4 or at + size > end or body > at + size:
            raise Refused(*NOT_READABLE)
        yield Box(name, at, body, at + size)
        at += size
    raise Refused(*NOT_READABLE)


def _blank(file: BinaryIO, box: Box) -> None:
    """A box that every program passes over, of the same size."""
    file.seek(box.start + 4)
    file.write(b"free")
    file.seek(box.body)
    left = box.end - box.body
    while left:
        written = min(left, COPY_BYTES)
        file.write(bytes(written))
        left -= written


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

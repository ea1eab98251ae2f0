"""What tests of the media library stand on: services over real stores, as several processes have them; files of every kind."""

from __future__ import annotations

import io
from pathlib import Path

import av
from PIL import Image, ImageDraw

from server.media import FileStore, Library, Media, MediaFiles, MediaStore, Uploads, UploadStore, Workshop
from server.media.medium import Details
from server.metrics import Metrics
from server.stores import Stores

NOW = 1_790_000_000.0
EDITOR = "the-editor"
TYPES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg"}


class MediaWorld:
    def __init__(self, stores: Stores, folder: Path) -> None:
        self.stores, self.folder = stores, folder
        self.media = self.process("first")

    def process(self, name: str) -> Media:
        """The library as a process on another machine has it: its own folder, the same stores."""
        store, files = MediaStore(self.stores.mongo), MediaFiles(FileStore(self.stores.mongo))
        return Media(store, Library(store, files), Uploads(UploadStore(self.stores.mongo)), files, Workshop(self.folder / name / "media"),
                     Metrics())

    async def ready(self) -> MediaWorld:
        return self

    async def begin(self, length, kind="image", name="国旗.jpg", by=EDITOR, now=NOW):
        return await self.media.uploads.create(length, {"filetype": TYPES[kind], "filename": name}, by, now)

    async def send(self, upload_id, offset, data, *, media=None, by=EDITOR, now=NOW, checksum=None):
        """One PATCH; the upload as it stands afterwards."""
        receiving = await (media or self.media).uploads.receive(upload_id, offset, len(data), checksum, by, now)
        try:
            for at in range(0, len(data), 65536):
                await receiving.add(data[at:at + 65536])
            return await receiving.end()
        finally:
            await receiving.leave()

    async def uploaded(self, data, kind="image", by=EDITOR, now=NOW):
        upload = await self.begin(len(data), kind, by=by, now=now)
        await self.send(upload.id, 0, data, by=by, now=now)
        return upload.id

    async def made(self, data, kind="image", now=NOW, **details):
        """A medium of these bytes."""
        upload = await self.uploaded(data, kind, now=now)
        made = await self.media.make(upload, Details(**{"name": "国旗", **details}), EDITOR, now)
        assert made is not None
        return made[0]

    async def parts(self):
        from tests.command_listener import LOOKING

        found = await self.stores.mongo["media_parts"].find(comment=LOOKING).to_list(None)
        return sorted(document["_id"] for document in found)


def photograph(width=1600, height=1200, seed=0, form="JPEG", **options) -> bytes:
    """Something with so many colours that it is kept as a JPEG."""
    gradient = Image.linear_gradient("L").resize((width, height))
    picture = Image.merge("RGB", (gradient, gradient.transpose(Image.Transpose.ROTATE_180), gradient.point(lambda v: (v * 7 + seed) % 256)))
    ImageDraw.Draw(picture).ellipse((width // 8, height // 8, width // 3, height // 3), fill=(222, 41, 16))
    return saved(picture, form, **({"quality": 90} if form == "JPEG" else {}) | options)


def drawing(mode="RGB", size=(800, 600), colour="red") -> Image.Image:
    picture = Image.new(mode, size, colour)
    ImageDraw.Draw(picture).rectangle((10, 10, 100, 100), fill="yellow")
    return picture


def saved(picture: Image.Image, form: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def film(folder: Path, *, codec="libx264", seconds=2, size=(320, 240), sound="aac", form="mp4", options=None, picture=None) -> bytes:
    """A film whose picture grows lighter."""
    path = folder / f"made.{form}"
    with av.open(str(path), "w", format=form, options=options or {}) as out:
        video = out.add_stream(codec, rate=10)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        audio = out.add_stream(sound, rate=44100) if sound else None
        for number in range(seconds * 10):
            frame = av.VideoFrame.from_image(picture or Image.new("RGB", size, (10 * number % 256, 40, 16)))
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if audio is not None:
            out.mux(silence(audio, seconds))
    return path.read_bytes()


def silence(stream, seconds):
    packets = []
    for number in range(seconds * 44100 // 1024):
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 44100, number * 1024
        packets += stream.encode(frame)
    return packets + stream.encode()


def song(folder: Path, seconds=2) -> bytes:
    path = folder / "made.mp3"
    with av.open(str(path), "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=44100)
        out.mux(silence(stream, seconds))
    return path.read_bytes()


def box(name: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + name + body

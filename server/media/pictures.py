"""Pictures: what is refused before anything is decoded, and the variants that phones get. Runs in the workshop's process alone.

Every variant is made from the pixels: nothing of the original's notes (place, camera, colour profile, a thumbnail of what was cut away)
gets into one. Colours of another profile are brought into sRGB first, since what is served names none.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from server.media.endings import png_is_animated, second_face
from server.media.wire import Answer, Made, Refused

# 50 million pixels, 48 of them the finest that common phones take: 200 MB once decoded.
MAX_PIXELS = 50_000_000
# Wider or higher than any camera's; past 65,535 a JPEG cannot say its size.
MAX_SIDE = 16_384
MIN_SIDE = 16
# What phones show: 1, 2 and 3 physical pixels to each of 375; and the largest that anybody gets.
WIDTHS = (375, 750, 1125)
FULL_SIDE = 2560
# The slots, as their pages show them: WeChat's cover of an article, its square, and the poster's page.
CROPS = {"cover": (900, 383), "square": (600, 600), "poster": (750, 1334)}
QUALITY = 85
# A citizen's photo: what a phone shows whole, and a tile of the wall. Each has to fit a document of 1 MB; noise may need less quality.
PHOTO_SIDES = {"photo": 1440, "tile": 480}
PHOTO_BYTES, PHOTO_QUALITIES = 900_000, (82, 70, 55, 40)
# A drawing of so few colours is sharper and smaller as PNG; a photograph never has so few.
PNG_COLOURS = 256
# As Pillow names what it opens; an MPO is a phone's JPEG with a second picture behind it.
OPENED = ("JPEG", "PNG", "GIF", "WEBP")
FORMATS = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "GIF": "gif", "WEBP": "webp"}
# What people try, by how it begins, and what to do instead.
# HEIC is not converted here: what decodes it comes with an encoder under the GPL, and is one more decoder for strangers' bytes.
# Phones convert it by themselves wherever a page asks for JPEG; this is for files that came another way.
HEIC = "这是 HEIC 照片（iPhone 的高效格式），系统打不开：请截屏后上传截屏，或在手机“设置 → 相机 → 格式”选“兼容性最佳”后重拍"
NOT_TAKEN: tuple[tuple[bytes, int, str], ...] = (
    *((b"ftyp" + brand, 4, HEIC) for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")),
    (b"ftypavif", 4, "这是 AVIF 图片：请转换成 JPEG 再上传"), (b"ftypavis", 4, "这是 AVIF 图片：请转换成 JPEG 再上传"),
    (b"BM", 0, "这是 BMP 图片：请转换成 JPEG 或 PNG 再上传"), (b"II*\x00", 0, "这是 TIFF 图片：请转换成 JPEG 再上传"),
    (b"MM\x00*", 0, "这是 TIFF 图片：请转换成 JPEG 再上传"), (b"8BPS", 0, "这是 Photoshop 文件：请导出成 JPEG 或 PNG 再上传"))
TEXT_HEAD_BYTES = 512


def look(path: Path, folder: Path, focus: tuple[float, float]) -> Answer:
    """Check a file and make its variants. Raises Refused."""
    data = path.read_bytes()
    form = _check(data)
    picture = _decode(data, form)
    pixels = hashlib.sha256(f"{picture.mode} {picture.size}".encode() + picture.tobytes()).hexdigest()
    made = [_save(picture, folder, "full")]
    for width in WIDTHS:
        if width < picture.width:
            height = max(1, round(picture.height * width / picture.width))
            made.append(_save(picture.resize((width, height), Image.Resampling.LANCZOS), folder, f"w{width}"))
    return Answer([*made, *crops(picture, folder, focus)], pixels, picture.width, picture.height)


def look_at_photo(path: Path, folder: Path) -> Answer:
    """A citizen's photo: the same checks, and two JPEGs of its pixels. Raises Refused."""
    data = path.read_bytes()
    form = _check(data)
    if form == "gif":
        raise Refused("MEDIA_TYPE_WRONG", "照片要是 JPEG、PNG 或 WebP 图片")
    picture = _decode(data, form)
    if picture.mode == "RGBA":  # what was see-through becomes white, as on the phone's own screen
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture).convert("RGB")
    made = []
    for variant, side in PHOTO_SIDES.items():
        smaller = picture.copy()
        smaller.thumbnail((side, side), Image.Resampling.LANCZOS)
        made.append(_save_small(smaller, folder, variant))
    return Answer(made, "", picture.width, picture.height)


def _save_small(picture: Image.Image, folder: Path, variant: str) -> Made:
    clean = Image.frombytes(picture.mode, picture.size, picture.tobytes())
    for quality in PHOTO_QUALITIES:
        kept = io.BytesIO()
        clean.save(kept, "JPEG", quality=quality, progressive=True, optimize=True)
        if len(kept.getvalue()) <= PHOTO_BYTES:
            break
    else:
        raise Refused("MEDIA_TOO_COMPLEX", "这张照片没有办法压缩到合适的大小，请换一张")
    path = folder / f"{variant}.jpg"
    path.write_bytes(kept.getvalue())
    return Made(variant, str(path), "jpg", hashlib.sha256(kept.getvalue()).hexdigest(), len(kept.getvalue()), *picture.size)


def crop_anew(path: Path, folder: Path, focus: tuple[float, float]) -> Answer:
    """The crops of a picture that we made ourselves."""
    with Image.open(path) as picture:
        picture.load()
        return Answer(crops(picture, folder, focus), width=picture.width, height=picture.height)


def crops(picture: Image.Image, folder: Path, focus: tuple[float, float]) -> list[Made]:
    """The largest part of each slot's shape around the focus; never enlarged."""
    made = []
    for name, (width, height) in CROPS.items():
        scale = min(picture.width / width, picture.height / height)
        size = max(1, int(width * scale)), max(1, int(height * scale))
        left, top = (min(max(0, round(whole * point - part / 2)), whole - part)
                     for whole, part, point in zip(picture.size, size, focus, strict=True))
        part = picture.crop((left, top, left + size[0], top + size[1]))
        made.append(_save(part if scale <= 1 else part.resize((width, height), Image.Resampling.LANCZOS), folder, name))
    return made


def _check(data: bytes) -> str:
    """The format, by the content; sizes by the header alone. Raises Refused."""
    text = data[:TEXT_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<?xml", b"<svg", b"<!doctype svg")) or b"<svg" in text:
        raise Refused("MEDIA_SVG", "不接受 SVG：它可以带脚本。请导出成 PNG 再上传")
    for beginning, at, words in NOT_TAKEN:
        if data[at:at + len(beginning)] == beginning:
            raise Refused("MEDIA_TYPE_WRONG", words)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the sides are looked at below
            with Image.open(io.BytesIO(data), formats=OPENED) as picture:
                size, form = picture.size, FORMATS[picture.format or ""]
                frames = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
    except Image.DecompressionBombError as error:
        raise Refused("MEDIA_PICTURE_TOO_LARGE", "图片的像素太多，请缩小后再上传") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Refused("MEDIA_TYPE_WRONG", "文件内容不是 JPEG、PNG、WebP 或 GIF 图片") from error
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        raise Refused("MEDIA_PICTURE_TOO_LARGE", f"图片有 {size[0]}×{size[1]} 像素，太大了，请缩小后再上传")
    if min(size) < MIN_SIDE:
        raise Refused("MEDIA_PICTURE_TOO_SMALL", f"图片只有 {size[0]}×{size[1]} 像素")
    if frames > 1 or (form == "png" and png_is_animated(data)):
        raise Refused("MEDIA_ANIMATED", "不接受动图：请上传静态图片，或把它做成视频")
    if face := second_face(data, form):
        raise Refused("MEDIA_TWO_FACED", f"图片里藏着别的内容：{face}")
    return form


def _decode(data: bytes, form: str) -> Image.Image:
    """The picture upright, in sRGB, as RGB or RGBA, no larger than anybody gets. Raises Refused."""
    try:
        with Image.open(io.BytesIO(data), formats=OPENED) as opened:
            if form == "jpg":
                opened.draft("RGB", (FULL_SIDE, FULL_SIDE))  # a large photograph is decoded at a half or a quarter
            opened.load()
            picture = _in_srgb(ImageOps.exif_transpose(opened))
    except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
        raise Refused("MEDIA_NOT_READABLE", "图片已损坏或没有传完整，打不开") from error
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        picture = picture.convert("RGB")  # it says that it may be seen through, and is not
    if max(picture.size) > FULL_SIDE:
        picture.thumbnail((FULL_SIDE, FULL_SIDE), Image.Resampling.LANCZOS)
    return picture


def _in_srgb(picture: Image.Image) -> Image.Image:
    """A profile that cannot be read is left out: the picture shows, its colours as they are."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    try:
        converted = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
                                              outputMode="RGBA" if picture.mode == "RGBA" else "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return converted or picture


def _save(picture: Image.Image, folder: Path, variant: str) -> Made:
    few = picture.mode == "RGB" and picture.getcolors(PNG_COLOURS) is not None
    form = "png" if picture.mode == "RGBA" or few else "jpg"
    kept = io.BytesIO()
    clean = Image.frombytes(picture.mode, picture.size, picture.tobytes())  # the pixels, and nothing that was said of them
    if form == "png":
        clean.save(kept, "PNG", optimize=few)
    else:
        clean.save(kept, "JPEG", quality=QUALITY, progressive=True, optimize=True)
    path = folder / f"{variant}.{form}"
    path.write_bytes(kept.getvalue())
    return Made(variant, str(path), form, hashlib.sha256(kept.getvalue()).hexdigest(), len(kept.getvalue()), *picture.size)

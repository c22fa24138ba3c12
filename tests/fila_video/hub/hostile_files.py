"""Files that a client could send to a server: small, and costly or dangerous for one that trusts them."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from tests.clips import draw_clip


SECRET = "/etc/passwd"
PLAYLISTS = {
    "HLS": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{SECRET}\n#EXT-X-ENDLIST\n",
    "concat": f"ffconcat version 1.0\nfile '{SECRET}'\n",
    "DASH": f"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>file://{SECRET}</BaseURL></MPD>",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\n",
}


def gif_bomb(side: int = 65_535) -> bytes:
    """A picture of 4 billion pixels in 40 bytes."""
    size = struct.pack("<HH", side, side)
    colors = b"\x80\x00\x00" + bytes(6)  # a table of two colors
    picture = b"," + bytes(4) + size + b"\x00" + b"\x02\x02\x4c\x01\x00"
    return b"GIF89a" + size + colors + picture + b";"


def png_bomb(side: int) -> bytes:
    """A whole picture with one bit for each pixel. With 30,000 x 30,000 of them, it takes 3.6 GB as RGBA."""
    row = b"\0" * (1 + (side + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    animation = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, side, side, 0, 0, 1, 1, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), animation, frame, chunk(b"IDAT", data)])


def y4m_bomb(side: int = 30_000) -> bytes:
    """Raw video whose header declares pictures of this size."""
    return f"YUV4MPEG2 W{side} H{side} F25:1 C420\nFRAME\n".encode() + bytes(1000)


def motion_jpeg_bomb(side: int = 30_000) -> bytes:
    """Two JPEG pictures in a row whose headers declare this size, for which a decoder would make room."""
    content = io.BytesIO()
    Image.new("RGB", (16, 16)).save(content, "JPEG")
    picture = bytearray(content.getvalue())
    place = picture.index(b"\xff\xc0") + 5  # ITU-T T.81, B.2.2: the frame header
    picture[place : place + 4] = struct.pack(">HH", side, side)
    return bytes(picture) * 2


def with_declared_size(path: Path, side: int = 30_000, codec: bytes = b"mp4v") -> bytes:
    """
    An MP4 file whose container declares pictures of this size.

    Args:
        path: File that is written on the way.
        side: Height and width.
        codec: Name of the codec in the container. The stream itself is H.264, whose own small size FFmpeg believes.
    """
    data = bytearray(draw_clip(path, seconds=1).read_bytes())
    place = data.index(b"avc1", data.index(b"stsd"))  # ISO/IEC 14496-12, VisualSampleEntry
    data[place : place + 4] = codec
    data[place + 28 : place + 32] = struct.pack(">HH", side, side)
    return bytes(data)


def ten_hours(path: Path) -> bytes:
    """A video of a few kilobytes that is ten hours long."""
    return draw_clip(path, frame_seconds=[0.0, 18_000.0, 36_000.0]).read_bytes()


def reference_movie() -> bytes:
    """A QuickTime movie that says where the real one is."""
    url = f"file://{SECRET}".encode() + b"\0"
    reference = _box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(url)) + url)
    moov = _box(b"moov", _box(b"rmra", _box(b"rmda", reference)))
    return _box(b"ftyp", b"qt  " + bytes(4) + b"qt  ") + moov


def movie_with_external_data(media: Path, kind: bytes) -> bytes:
    """
    A QuickTime movie without pictures of its own: its data reference says that they are in another file.

    Args:
        media: The other file, a MOV with one track of video.
        kind: Kind of the reference: `url ` or `alis`, which FFmpeg follows if it is told to.
    """
    moov = dict(_boxes(media.read_bytes()))[b"moov"]
    reference = f"file://{media}".encode() + b"\0" if kind == b"url " else _alias(media)
    entry = struct.pack(">II", 0, 1) + _box(kind, bytes(4) + reference)
    external = _with_box(moov, [b"trak", b"mdia", b"minf", b"dinf", b"dref"], entry)
    return _box(b"ftyp", b"qt  " + bytes(4) + b"qt  ") + _box(b"moov", external)


def _alias(media: Path) -> bytes:
    """An alias record of Mac OS: fixed fields, then the absolute path as the field of type 2."""
    name = media.name.encode()[:63]
    path = str(media).encode() + b"\0" * (len(str(media)) % 2)
    fixed = bytes(10) + bytes(28) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16 + 2 + 2 + 16)
    return fixed + struct.pack(">HH", 2, len(path)) + path + struct.pack(">HH", 0xFFFF, 0)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The boxes of a QuickTime file or of one of its boxes: kinds and contents."""
    place = 0
    while place < len(data):
        (size,) = struct.unpack(">I", data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + size]
        place += size


def _with_box(data: bytes, path: list[bytes], content: bytes) -> bytes:
    """Replaces the content of the box to which a path of kinds leads."""
    name, *inner = path
    return b"".join(
        _box(kind, (_with_box(old, inner, content) if inner else content) if kind == name else old)
        for kind, old in _boxes(data)
    )

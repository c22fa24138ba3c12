"""
What a client could send to a server: addresses and paths, and files that are small, and costly or dangerous for a
server that trusts them.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from tests.clips import draw_clip


SECRET = "/etc/passwd"
# Addresses that are not public, in many spellings.
HOSTS = (
    *("127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"),
    *("169.254.169.254", "2852039166", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "224.0.0.1"),
    *("[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]"),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "user:word@127.0.0.1", "127.0.0.1:22"),
)
# What is neither an http(s) URL nor base64.
SOURCES = (
    *(f"file://{SECRET}", f"FILE:{SECRET}", "ftp://example.org/a", "rtmp://example.org/a", "pipe:0"),
    *(f"concat:{SECRET}|{SECRET}", f"subfile,,start,0,end,9,,:{SECRET}", f"data:text/plain,{SECRET}"),
    *(SECRET, "../../etc/passwd", "C:\\secret.mp4", "~/secret.mp4", "!!!!", "AAA", "\u0661\u0662", " ", ""),
)
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


def movie_of(path: Path, kind: bytes) -> bytes:
    """A movie without pictures of its own, next to the file that has them."""
    return movie_with_external_data(draw_clip(path.with_name("of-the-server.mov"), seconds=1), kind)


# For each file, what makes it (in the folder of a path) and what the handler answers.
FILES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "GIF bomb": (lambda path: gif_bomb(), "a picture of 65535 x 65535 = 4294836225 pixels"),
    "PNG": (lambda path: png_bomb(16_000), "a picture of 16000 x 16000 = 256000000 pixels"),
    # FFmpeg itself refuses 268 million pixels.
    "PNG, 30,000 x 30,000": (lambda path: png_bomb(30_000), "is a picture (PNG) and not a video"),
    "JPEG in MP4, 30,000 x 30,000": (
        lambda path: with_declared_size(path, codec=b"jpeg"),
        "a picture of 30000 x 30000 = 900000000 pixels",
    ),
    "raw pictures in MP4, 30,000 x 30,000": (
        lambda path: with_declared_size(path, codec=b"raw "),
        "a picture of 30000 x 30000 = 900000000 pixels",
    ),
    "y4m, 30,000 x 30,000": (lambda path: y4m_bomb(30_000), "is not a readable video"),
    "JPEG after JPEG, 30,000 x 30,000": (lambda path: motion_jpeg_bomb(30_000), "not one frame could be decoded"),
    "ten hours": (lambda path: ten_hours(path), "seconds long, more than the limit of 14400"),
    "reference movie": (lambda path: reference_movie(), "has no video stream"),
    "movie with data at a URL": (lambda path: movie_of(path, b"url "), "not one frame could be decoded"),
    "movie with data in a file": (lambda path: movie_of(path, b"alis"), "not one frame could be decoded"),
    **{
        f"playlist, {name}": (lambda path, text=text: text.encode(), "is not a readable video")
        for name, text in PLAYLISTS.items()
    },
    "nothing": (lambda path: bytes(1000), "is not a readable video"),
}

"""Files that a client could send to a server: small, and costly or dangerous for one that trusts them."""

import struct
import zlib
from pathlib import Path

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


def with_declared_size(path: Path, side: int = 30_000) -> bytes:
    """An MP4 file whose container declares pictures of this size."""
    data = bytearray(draw_clip(path, seconds=1).read_bytes())
    place = data.index(b"avc1", data.index(b"stsd")) + 28  # ISO/IEC 14496-12, VisualSampleEntry
    data[place : place + 4] = struct.pack(">HH", side, side)
    return bytes(data)


def ten_hours(path: Path) -> bytes:
    """A video of a few kilobytes that is ten hours long."""
    return draw_clip(path, frame_seconds=[0.0, 18_000.0, 36_000.0]).read_bytes()


def reference_movie() -> bytes:
    """A QuickTime movie that says where the real one is."""

    def atom(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", 8 + len(content)) + kind + content

    url = f"file://{SECRET}".encode() + b"\0"
    reference = atom(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(url)) + url)
    moov = atom(b"moov", atom(b"rmra", atom(b"rmda", reference)))
    return atom(b"ftyp", b"qt  " + bytes(4) + b"qt  ") + moov

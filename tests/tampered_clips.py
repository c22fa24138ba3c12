"""Clips whose containers are wrong or say too little: packets of a drawn clip with other times, flags or headers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from processing_fila.reader_picture import FramePainter, Geometry


MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class StoredPacket:
    """A packet as it is stored: its bytes, its presentation time in milliseconds from the first, and its flag."""

    data: bytes
    pts: int
    is_key: bool


def packets_of(path: Path) -> list[StoredPacket]:
    """Returns the packets of the video stream in the order of the file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        first = min(packet.pts for packet in packets)
        times = [round((packet.pts - first) * stream.time_base / MILLISECOND) for packet in packets]
        return [StoredPacket(bytes(p), time, p.is_keyframe) for p, time in zip(packets, times, strict=True)]


def store(path: Path, like: Path, packets: Iterable[StoredPacket], *, has_reordering: bool = True) -> Path:
    """Writes packets as they are given into a container that the suffix of `path` chooses.

    Args:
        path: Where to write.
        like: The clip whose codec and headers the stream gets.
        packets: What to write.
        has_reordering: Whether decoding times, which must increase, are far before the presentation times; they are
            equal to them otherwise. Matroska does not store them.
    """
    with av.open(str(like)) as source, av.open(str(path), "w", options={"strict": "-2"}) as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, stored in enumerate(packets):
            packet = av.Packet(stored.data)
            packet.stream, packet.time_base = stream, MILLISECOND
            packet.pts = stored.pts
            packet.dts = number - 100_000 if has_reordering else stored.pts
            packet.is_keyframe, packet.duration = stored.is_key, 100
            container.mux_one(packet)
    return path


def with_times(packets: Sequence[StoredPacket], change: Callable[[int], int]) -> list[StoredPacket]:
    """Returns packets whose times are changed."""
    return [replace(packet, pts=change(packet.pts)) for packet in packets]


def pictures_of(*paths: Path) -> list[np.ndarray]:
    """Returns all pictures of clips, one after another, as plain decoding from the first frame on gives them."""
    pictures = []
    for path in paths:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                painter = FramePainter(Geometry(frame.height, frame.width), None)
                pictures.append(painter.paint(frame))
    return pictures


def join_flv(path: Path, *parts: Path, shift_ms: int = 0) -> Path:
    """Writes the tags of FLV files one after another, each later file with its times moved by `shift_ms`."""
    with path.open("wb") as joined:
        joined.write(parts[0].read_bytes())
        for number, part in enumerate(parts[1:], start=1):
            tags, place = bytearray(part.read_bytes()[13:]), 0
            while place + 11 <= len(tags):
                time = int.from_bytes(tags[place + 4 : place + 7], "big") + number * shift_ms
                tags[place + 4 : place + 7] = time.to_bytes(3, "big")
                place += 11 + int.from_bytes(tags[place + 1 : place + 4], "big") + 4
            joined.write(tags)
    return path


# --- H.264 in fields, which libx264 does not write: every block of 16 x 16 pixels is stored as it is (I_PCM) ---------


def write_fields(path: Path, pictures: Sequence[np.ndarray], *, gop_size: int = 10, first_with_fields: int = 0) -> Path:
    """Writes gray pictures, `(height, width)` uint8, 10 per second; from a picture on, each field is a packet.

    Args:
        path: Where to write; the suffix chooses the container.
        pictures: Heights are multiples of 32, widths of 16.
        gop_size: Number of pictures from one IDR picture to the next.
        first_with_fields: The first picture that is stored as two fields.
    """
    packets = []
    for number, picture in enumerate(pictures):
        is_key = number % gop_size == 0
        head = _parameter_sets(*picture.shape) if is_key else b""
        order = (number % gop_size, number // gop_size % 2)
        if number < first_with_fields:
            packets.append(StoredPacket(head + _slice(picture, is_key, *order), 100 * number, is_key))
            continue
        top, bottom = _slice(picture[::2], is_key, *order, field=0), _slice(picture[1::2], False, *order, field=1)
        packets += [
            StoredPacket(head + top, 100 * number, is_key),
            StoredPacket(bottom, 100 * number + 50, False),
        ]
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(packet.data for packet in packets))
    return store(path, raw, packets, has_reordering=False)


def _golomb(value: int) -> str:
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def _unit(header: int, bits: str) -> bytes:
    """A NAL unit after a start code, with the bytes that keep start codes out of it."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    data, escaped, zeros = int(bits, 2).to_bytes(len(bits) // 8, "big"), bytearray(), 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1" + bytes([header]) + bytes(escaped)


def _parameter_sets(height: int, width: int) -> bytes:
    """Main profile, no B-frames, pictures that may be fields."""
    size = _golomb(width // 16 - 1) + _golomb(height // 32 - 1)
    sequence = f"{77:08b}{0:08b}{30:08b}" + _golomb(0) * 2 + _golomb(2) + _golomb(1) + "0" + size + "00100"
    picture = _golomb(0) * 2 + "00" + _golomb(0) * 3 + "000" + _golomb(0) * 3 + "000"
    return _unit(0x67, sequence) + _unit(0x68, picture)


def _slice(luma: np.ndarray, is_idr: bool, number: int, idr_number: int, field: int | None = None) -> bytes:
    """A slice of stored blocks: the whole picture, or its top (0) or bottom (1) field."""
    field_bits = "0" if field is None else f"1{field}"
    bits = _golomb(0) + _golomb(7) + _golomb(0) + f"{number % 16:04b}" + field_bits
    bits += _golomb(idr_number) + "00" if is_idr else "0"
    bits += _golomb(0)
    for top in range(0, luma.shape[0], 16):
        for left in range(0, luma.shape[1], 16):
            block = luma[top : top + 16, left : left + 16].tobytes() + b"\x80" * 128
            bits += _golomb(25)
            bits += "0" * (-len(bits) % 8) + f"{int.from_bytes(block, 'big'):0{8 * len(block)}b}"
    return _unit(0x65 if is_idr else 0x61, bits)

# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Animated images that are cut off: the bytes of their whole pictures, which make a shorter animation.

Decoders invent the rest of a GIF picture that is cut, and refuse a WebP file that is cut altogether.
"""

from contextlib import closing
from typing import Any

from .reader_source import VideoSource


GIF_END, PNG_SIGNATURE = b"\0;", b"\x89PNG\r\n\x1a\n"
PNG_END = bytes.fromhex("0000000049454e44ae426082")
READ_BYTES = 2**20


def keep_whole_pictures(source: VideoSource) -> None:
    """Lets a source hold the whole pictures alone, if it is a GIF, APNG or WebP animation that is cut off."""
    head = source.head
    if head[:4] == b"GIF8":
        find_end, end_mark = _end_of_gif, GIF_END
    elif head[:8] == PNG_SIGNATURE:
        find_end, end_mark = _end_of_png, PNG_END
    elif source.is_webp:
        find_end, end_mark = _end_of_webp, None
    else:
        return
    opened = source.open()
    with closing(open(opened, "rb") if isinstance(opened, str) else opened) as file:
        if end_mark is None:
            is_whole = file.seek(0, 2) >= int.from_bytes(head[4:8], "little") + 7
        else:
            is_whole = _ends_with(file, end_mark, source)
        if is_whole:
            return
        file.seek(0)
        data = file.read()
    end = find_end(data)
    if end is not None:
        source.replace(_with_end(data[:end]))


def _ends_with(file: Any, end: bytes, source: VideoSource) -> bool:
    """Whether the last bytes are these. What comes from a server is read from the start, as decoders do it."""
    while source.is_remote and file.read(READ_BYTES):
        pass
    file.seek(-len(end), 2)
    return file.read(len(end)) == end


def _with_end(data: bytes) -> bytes:
    """Closes an animation whose last picture is whole."""
    if data[:4] == b"RIFF":
        return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    return data + (b";" if data[:4] == b"GIF8" else PNG_END)


# --- one function for each format: where the last whole picture ends; None if there is none, or no picture is cut ---


def _end_of_gif(data: bytes) -> int | None:
    last = None
    try:
        place = 13 + _palette_bytes(data[10])
        while data[place] in b"!,":
            is_picture = data[place] == ord(",")
            place += 11 + _palette_bytes(data[place + 9]) if is_picture else 2
            while data[place]:  # the lengths of the blocks of data
                place += 1 + data[place]
            place += 1
            last = place if is_picture else last
    except IndexError:  # the file ends here
        return last
    return None


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _end_of_png(data: bytes) -> int | None:
    """A picture is whole if another picture, or the end, comes after it."""
    place, controls = len(PNG_SIGNATURE), []
    while place + 12 <= len(data):
        name, size = data[place + 4 : place + 8], 12 + int.from_bytes(data[place : place + 4], "big")
        if name == b"IEND":
            return None
        if name == b"fcTL" and place + size <= len(data):
            controls.append(place)
        place += size
    return controls[-1] if len(controls) > 1 else None


def _end_of_webp(data: bytes) -> int | None:
    place, last = 12, None
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        end = place + 8 + size + size % 2
        if data[place : place + 4] == b"ANMF" and end <= len(data):
            last = end
        place = end
    return last

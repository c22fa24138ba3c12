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
"""Subtitles: SubRip (.srt), WebVTT (.vtt) and ASS files, and the text tracks of a video.

FFmpeg reads all of them and gives each line as ASS text, so this file has no parser of its own. Markup such as italics,
colors and positions is removed.
"""

import codecs
import html
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from .reader_container import open_container
from .reader_errors import VideoReadError
from .reader_limits import ReadLimits
from .reader_source import VideoInput, VideoSource, av, named_errors
from .reader_url import UrlOptions


FORMATS = "srt,webvtt,ass"
MAX_FILE_BYTES, HEAD_BYTES = 32 * 2**20, 4096
# Text codecs. Those of discs and broadcasts (dvd_subtitle, dvb_subtitle, hdmv_pgs_subtitle) hold pictures.
TEXT_CODECS = ("ass", "ssa", "subrip", "srt", "webvtt", "mov_text", "text")
OVERRIDES = re.compile(r"\{[^}]*\}")
DRAWING = re.compile(r"\{[^}]*\\p[1-9][^}]*\}.*?(?=\{[^}]*\\p0[^}]*\}|$)", re.DOTALL)


@dataclass(frozen=True)
class SubtitleLine:
    """One subtitle.

    Attributes:
        start_seconds: When it appears, in seconds from the first frame of the video.
        end_seconds: When it disappears.
        text: What it says, without markup, on one line.
    """

    start_seconds: float
    end_seconds: float
    text: str


def read_subtitles(source: VideoInput, *, language: str | None = None, **options: Any) -> list[SubtitleLine]:
    """Reads a subtitle file, or the text track of a video.

    Args:
        source: A path, the bytes of a file, a seekable binary file object, or an http(s) or data URL. A text file that
            is not UTF-8 or UTF-16 is taken as Windows-1252. Its times are seconds from the first frame of the video.
        language: Language of the track of a video, as the file states it, such as `"eng"`. None takes the track that
            the file marks as its default, or else the first one.
        **options: The options of `VideoReader` about URLs and limits.

    Returns:
        The lines in the order of their start, without empty ones.

    Raises:
        VideoReadError: If the file cannot be read, a text file has more than 32 MiB, or a video has no text track, or
            none in this language. The message names the languages that there are.
        TypeError: If `source` is none of the above.
    """
    limits = {name: options[name] for name in ("max_pixels", "max_seconds") if name in options}
    of_urls = {name.removeprefix("url_"): value for name, value in options.items() if name.startswith("url_")}
    opened = VideoSource(source, url_options=UrlOptions(**of_urls), limits=ReadLimits(**limits))
    with closing(opened), named_errors(opened), opened.guard.working():
        text = _text_of(opened)
        return _read_track(opened, language) if text is None else _parse(text, opened.name)


def _parse(text: str, name: str) -> list[SubtitleLine]:
    file = io.BytesIO(text.replace("\r\n", "\n").encode())
    try:
        container = av.open(file, mode="r", container_options={"format_whitelist": FORMATS})
    except (av.FFmpegError, EOFError):
        raise VideoReadError(
            f"{name} has no subtitles: it is neither SubRip (.srt), WebVTT (.vtt) or ASS, nor a video."
        ) from None
    with container:
        return _in_order(_lines_of(container, container.streams.subtitles[0]))


def _read_track(source: VideoSource, language: str | None) -> list[SubtitleLine]:
    with open_container(source) as container:
        track = _choose_track(container, source.name, language)
        video = container.streams.best("video")
        start = 0.0
        if video is not None and video.start_time is not None:
            start = float(video.start_time * video.time_base)
        lines = _in_order(_lines_of(container, track))
    return [SubtitleLine(line.start_seconds - start, line.end_seconds - start, line.text) for line in lines]


def _choose_track(container: Any, name: str, language: str | None) -> Any:
    tracks = [track for track in container.streams.subtitles if _is_text(track)]
    if not tracks:
        kind = "subtitles that are pictures, not text" if container.streams.subtitles else "no subtitle track"
        raise VideoReadError(f"{name} has {kind}.")
    chosen = [track for track in tracks if language in (None, _language(track))]
    if not chosen:
        found = ", ".join(sorted({_language(track) for track in tracks}))
        raise VideoReadError(f"{name} has no subtitle track in the language {language!r}; it has {found}.")
    return next((track for track in chosen if track.disposition & av.stream.Disposition.default), chosen[0])


def plain_text(ass_text: str) -> str:
    r"""Removes the markup of ASS: `{\i1}a{\i0}\Nb &amp; c` becomes `a b & c`."""
    text = OVERRIDES.sub("", DRAWING.sub("", ass_text))
    text = html.unescape(text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " "))
    return " ".join(text.split())


def _text_of(source: VideoSource) -> str | None:
    """Returns the text of a file, or None if it holds no text but something else, such as a video."""
    file = source.open()
    with open(file, "rb") if isinstance(file, str) else file as opened:
        content = opened.read(HEAD_BYTES)
        is_utf16 = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        if b"\0" in content and not is_utf16:
            return None
        content += opened.read(MAX_FILE_BYTES)
    if len(content) > MAX_FILE_BYTES:
        raise VideoReadError(f"{source.name} has more than {MAX_FILE_BYTES >> 20} MiB, too much for a subtitle file.")
    if is_utf16:
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _lines_of(container: Any, track: Any) -> Iterator[SubtitleLine]:
    for packet in container.demux(track):
        if packet.size == 0 or packet.pts is None:
            continue
        try:
            subtitles = packet.decode()
        except av.FFmpegError:  # a line that FFmpeg cannot read; the others are whole
            continue
        start = float(packet.pts * packet.time_base)
        texts = [plain_text(part.dialogue.decode("utf-8", errors="replace")) for part in subtitles if _has_text(part)]
        if text := " ".join(filter(None, texts)):
            yield SubtitleLine(start, start + float((packet.duration or 0) * packet.time_base), text)


def _in_order(lines: Iterator[SubtitleLine]) -> list[SubtitleLine]:
    return sorted(lines, key=lambda line: (line.start_seconds, line.end_seconds))


def _has_text(part: Any) -> bool:
    return isinstance(getattr(part, "dialogue", None), bytes)


def _is_text(track: Any) -> bool:
    return track.codec_context is not None and track.codec_context.name in TEXT_CODECS


def _language(track: Any) -> str:
    return track.metadata.get("language", "und")

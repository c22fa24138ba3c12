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
"""The subtitles of the videos of a call -> the text that stands in the prompt for each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from reprlib import repr as shorten
from typing import Any

from .loaded_video import LoadedVideo
from .reader_subtitles import SubtitleLine, read_subtitles
from .subtitle_text import DEFAULT_MAX_SUBTITLE_TOKENS, choose_lines, without_markers, write_within
from .video_input import GivenVideo, is_video_file


@dataclass(frozen=True)
class SubtitleOptions:
    """
    What a call says about subtitles.

    Attributes:
        subtitles: None or False for none, True for the text track of each video, one subtitle file for all videos, or a
            list with one entry for each video.
        subtitle_lines: `"all"`, `"frames"` or `"scenes"`; see [`choose_lines`].
        subtitle_scenes: For each video its scenes, as [`FilaVideoProcessor.post_process_scenes`] returns them; only for
            `"scenes"`.
        subtitle_language: Language of the text track of a video.
        max_subtitle_tokens: Largest number of tokens of the subtitles of a video.
        scenes_follow: Whether the caller writes the prompt once more when the scenes are known. Then subtitles are read
            and kept, and only their text is left for that time.
    """

    subtitles: Any = None
    subtitle_lines: str | None = None
    subtitle_scenes: Sequence[Any] | None = None
    subtitle_language: str | None = None
    max_subtitle_tokens: int | None = None
    scenes_follow: bool | None = None

    def __post_init__(self) -> None:
        if self.subtitle_scenes is not None and self.subtitle_lines != "scenes":
            raise ValueError(f"subtitle_scenes is for subtitle_lines='scenes', not for {self.subtitle_lines!r}.")

    def sources(self, videos: Sequence[GivenVideo]) -> list[Any]:
        """
        Returns for each video a file to read its subtitles from, or None. Those of a part of a message take precedence.

        Raises:
            ValueError: If there is not one entry for each video, or a video given as frames is to have a text track.
        """
        given = self.subtitles
        if isinstance(given, (list, tuple)) and len(given) != len(videos):
            raise ValueError(f"{len(videos)} videos but {len(given)} entries in subtitles: give one for each video.")
        scenes = self.subtitle_scenes
        if scenes is not None and len(scenes) != len(videos):
            raise ValueError(
                f"{len(videos)} videos but {len(scenes)} entries in subtitle_scenes: give one for each video."
            )
        entries = list(given) if isinstance(given, (list, tuple)) else [given] * len(videos)
        chosen = [video.options.get("subtitles", entry) for video, entry in zip(videos, entries, strict=True)]
        return [
            self._source(place, video, entry) for place, (video, entry) in enumerate(zip(videos, chosen, strict=True))
        ]

    def _source(self, place: int, video: GivenVideo, entry: Any) -> Any:
        if entry is None or entry is False:
            return None
        if entry is not True:
            return entry
        if not is_video_file(video.content):
            raise ValueError(
                f"subtitles=True reads the text track of a file, but video {place} is given as frames: name a file."
            )
        return video.content


def write_subtitles(
    sources: Sequence[Any],
    loaded: Sequence[LoadedVideo],
    options: SubtitleOptions,
    *,
    reader_options: dict[str, Any],
    count_tokens: Callable[[str], int],
    markers: Sequence[str],
) -> list[LoadedVideo]:
    """
    Returns the loaded videos, those with subtitles with a text in their metadata, or with all their subtitles if the
    scenes are to follow. Subtitles that are in the metadata of a video are not read again.

    Args:
        sources: For each video a file to read its subtitles from, or None; see [`SubtitleOptions.sources`].
        loaded: The videos.
        options: What the call says about subtitles.
        reader_options: Options of [`VideoReader`].
        count_tokens: Counts the tokens of a text.
        markers: Special tokens, which are removed from subtitles.

    Raises:
        ValueError: If an option is out of range, or a video has no times.
        VideoReadError: If subtitles cannot be read.
    """
    read: dict[int, list[SubtitleLine]] = {}
    written: dict[tuple[Any, ...], LoadedVideo] = {}  # equal videos with equal subtitles share metadata
    result = []
    for place, (source, video) in enumerate(zip(sources, loaded, strict=True)):
        lines = video.metadata.subtitle_lines
        if lines is None and source is None:
            result.append(video)
            continue
        _check_has_times(video, place, source)
        if lines is None:
            if id(source) not in read:
                read[id(source)] = read_subtitles(source, language=options.subtitle_language, **reader_options)
            lines = read[id(source)]
        scenes = None if options.subtitle_scenes is None else options.subtitle_scenes[place]
        key = (id(lines), id(video.metadata), repr(scenes))
        if key not in written:
            if options.scenes_follow:
                written[key] = video.with_subtitles("", lines)
            else:
                written[key] = video.with_subtitles(_text_of(lines, video, scenes, options, count_tokens, markers))
        result.append(written[key])
    return result


def _check_has_times(video: LoadedVideo, place: int, source: Any) -> None:
    if not video.metadata.has_timestamps:
        raise ValueError(
            f"Subtitles need the times of the frames, which video {place} does not have: give source_fps, or "
            f"video_metadata with 'frame_seconds', or leave out subtitles={shorten(source)}."
        )


def _text_of(
    lines: Sequence[SubtitleLine],
    video: LoadedVideo,
    scenes: Any,
    options: SubtitleOptions,
    count_tokens: Callable[[str], int],
    markers: Sequence[str],
) -> str:
    """What the prompt says of the subtitles of one video."""
    chosen = choose_lines(lines, video.metadata.timestamps, options.subtitle_lines or "all", scenes)
    chosen = [replace(line, text=without_markers(line.text, markers)) for line in chosen]
    limit = options.max_subtitle_tokens
    return write_within(chosen, count_tokens, DEFAULT_MAX_SUBTITLE_TOKENS if limit is None else limit)

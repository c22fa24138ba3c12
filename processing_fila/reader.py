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
"""Reading a video: its real times, and chosen frames, decoded with as little work and memory as they need.

    with VideoReader("lecture.mkv") as reader:
        for frame, seconds in reader.frames_at(seconds=[0, 60, 120], size=(384, 384)):
            ...

    video = read_video("lecture.mkv", num_frames=96, size=(384, 384))

Reading order: these are the files of the reader in the order in which a call visits them.

    Opening a file: `VideoReader(source)`
      reader_source      where the bytes come from: a path, bytes, a file object, or a URL
      reader_names         what messages call the video
      reader_url           a URL as a file: what is fetched and kept
      reader_answer          the answer to one request, checked
      reader_http            one request, within limits of time and size, and the policy of addresses
      reader_address         the parts of a URL, and which addresses are public
      reader_limits        what reading may cost: pixels, memory and time
      reader_cut_animation   only the whole pictures of an animation that is cut off
      reader_probe       the first look: which frames there are, and how they are shown
      reader_tables        tables of MP4 files that claim more entries than the file can hold
      reader_container     the file opened with PyAV: its video stream and its packets
      reader_codec           its codec, within the limits
      reader_listing       the packets, without decoding, and whether they identify the frames
      reader_headers         what their first bytes say, where the container may be wrong
      reader_times           bad times, and clocks that start again
      reader_mending         bad times where only decoding tells the order of frames
      reader_index         the times of the frames, and the packets that hold them
      reader_picture       the size and rotation of the pictures
      reader_counting      only if packets do not identify the frames: the whole video decoded; WebP by reader_animation
      reader_ending      whether the file ends too early

    Reading frames: `frames_at`, `sample` and `read_video`
      frame_sampling     which frames to read
      reader_index       which segments, runs of packets, have to be decoded for them
      reader_parallel    several decoders in threads, ahead of the caller
      reader_decoder       one decoder: a segment becomes its wanted frames
      reader_packets         packets by number, from the one container that all decoders share
      reader_nal             packets that need not be decoded
      reader_damage          frames that are damaged
      reader_picture     a decoded frame becomes an RGB array of the wanted size
      reader_scalers       the scalers of HDR frames, which all videos share
      reader_warnings    damage is reported with the line of the user's code

    Reading subtitles: `read_subtitles`
      reader_subtitles   subtitle files, and the text tracks of a video

Shape letters: N frames that are returned, H and W height and width in pixels.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakSet

import numpy as np

from .frame_sampling import DEFAULT_MAX_FRAMES, check_sampling, frames_between, nearest_indices, sample_frame_indices
from .reader_cut_animation import keep_whole_pictures
from .reader_decoder import open_decoders
from .reader_ending import describe_cut
from .reader_errors import IndexContradictedError, VideoDamageWarning, VideoReadError
from .reader_index import FrameIndex, plan_segments
from .reader_limits import DEFAULT_MAX_PIXELS, DEFAULT_MAX_SECONDS, ReadLimits
from .reader_parallel import Paint, Team, decode_in_parallel, default_num_decoders
from .reader_picture import FramePainter
from .reader_probe import count_frames, probe
from .reader_source import VideoInput, VideoSource, named_errors
from .reader_url import UrlOptions
from .reader_warnings import warn_user


__all__ = ["SampledVideo", "VideoDamageWarning", "VideoReadError", "VideoReader", "read_video"]

SEEK_MODES = ("exact", "keyframe")
DAMAGE_ACTIONS = ("warn", "error")
LOOKAHEAD_BYTES = 16 * 2**20
# A sample that meets damage is chosen again. After the first time, the frames near the damage are known, and after the
# second time all frames are. A third time, there can only be errors that come and go.
MAX_ROUNDS = 4


def read_video(
    source: VideoInput,
    *,
    num_frames: int | None = None,
    fps: float | None = None,
    max_frames: int = DEFAULT_MAX_FRAMES,
    size: tuple[int, int] | None = None,
    seek_mode: str = "exact",
    **reader_options: Any,
) -> "SampledVideo":
    """Reads frames that are spread evenly in time, with the first and the last frame among them.

    Args:
        source: A path, the bytes of a file, a seekable binary file object, or an http(s) or data URL.
        num_frames: Number of frames to read. A video with fewer frames gives all of them.
        fps: Frames per second to read instead, at most `max_frames` in total.
        max_frames: Largest number of frames ever read; also the number if neither `num_frames` nor `fps` is given.
        size: (height, width) in pixels to which frames are resized while they are decoded; None keeps their size.
        seek_mode: `"exact"`, or `"keyframe"` for the key frames nearest to the chosen frames: much faster, less even,
            and fewer frames if several are nearest to the same key frame.
        **reader_options: The options of `VideoReader`.

    Returns:
        The frames, their times, and facts about the video.

    Raises:
        VideoReadError: If the file cannot be read or no frame can be decoded. It is an `OSError`.
        ValueError: If both `num_frames` and `fps` are given, or a value is out of range.
        TypeError: If `source` is none of the above.
        ImportError: If PyAV is not installed or too old.

    Warns:
        VideoDamageWarning: If frames are damaged or the file is cut off. Damaged frames are left out, frames are chosen
            again from those that can be read, and the message says how many were found to be damaged.
    """
    check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
    with VideoReader(source, **reader_options) as reader:
        return reader.sample(num_frames=num_frames, fps=fps, max_frames=max_frames, size=size, seek_mode=seek_mode)


class VideoReader:
    """Reads frames of one video, by index or by time. Use it in a `with` block, or call `close` at the end.

    Frames are found by the list of packets, which needs no decoding. Where that list cannot be right, all frames are
    decoded once when the file is opened. If decoding contradicts the list only later, this happens then, and
    `frame_seconds` and the attributes that follow from it may change.

    Args:
        source: A path, the bytes of a file, a seekable binary file object, or an http(s) or data URL. A file object
            stays open.
        num_decoders: Number of parts of the video that are decoded at the same time. By default one for each CPU that
            this process may use, at most 4, and one in a worker of a PyTorch data loader.
        url_timeout_seconds: Longest wait for an answer of a server, and for each 256 KiB that it sends.
        url_total_seconds: Longest time that a server is waited for in total.
        url_max_bytes: Largest number of bytes that are fetched from a URL.
        url_policy: Which addresses a URL may lead to. With `"safe_redirects"`, the URL itself may name any address, but
            a redirect must not lead from a public address to a private one, nor from https to http.
            `"public_only"` also refuses a URL with a private address: use it for URLs of other people. With
            `"unrestricted"`, everything is allowed.
        on_damage: What happens if frames are damaged, or if the file ends before its structure does, as when a download
            broke off: `"warn"` or `"error"`.
        max_pixels: Largest number of pixels of one picture, as it is stored and as it is shown. A sample of frames at
            their own size may have 64 times this number. One reading may decode 16 times this number, and 2^18 more for
            each byte of the file (2^16 in an animated image).
        max_seconds: Longest time that the reader may work in total, in seconds. Time that the caller spends between two
            frames does not count.

    Attributes:
        frame_seconds: When each frame is shown, in seconds, `(num_frames,)` float64, sorted; the first is at 0. These
            are the times in the file, with edit lists applied. A time that is missing or repeated is placed between its
            neighbors, and the parts of a joined recording follow one another. Only raw streams, which have no times,
            have index / fps.
        key_frame_indices: The frames that can be decoded alone, `(key frames,)` int64.
        num_frames: Number of frames of the video.
        duration_seconds: End of the last frame in seconds, whatever the header or the audio says.
        average_fps: `num_frames / duration_seconds`, in frames per second; 0 if the duration is 0.
        height: Height in pixels of the upright picture with square pixels.
        width: Width in pixels of the upright picture with square pixels.
        rotation_degrees: Clockwise rotation that the file asks for: 0, 90, 180 or 270. All frames are rotated already.

    Raises:
        VideoReadError: If there is no such file, it has no video, no frame can be decoded, or a limit is passed. With
            `on_damage="error"`, also instead of each warning. It is an `OSError`.
        ValueError: If `num_decoders` or a limit is not positive, or a URL is neither http nor https.
        TypeError: If `source` is none of the above.
        ImportError: If PyAV is not installed or too old.

    Warns:
        VideoDamageWarning: If the file is cut off, or if frames are found to be damaged while all are decoded.
    """

    def __init__(
        self,
        source: VideoInput,
        *,
        num_decoders: int | None = None,
        url_timeout_seconds: float = 30.0,
        url_total_seconds: float = 600.0,
        url_max_bytes: int = 2**31,
        url_policy: str = "safe_redirects",
        on_damage: str = "warn",
        max_pixels: int = DEFAULT_MAX_PIXELS,
        max_seconds: float = DEFAULT_MAX_SECONDS,
    ):
        if num_decoders is not None and num_decoders <= 0:
            raise ValueError(f"num_decoders must be positive, got {num_decoders}.")
        if on_damage not in DAMAGE_ACTIONS:
            raise ValueError(f"on_damage must be one of {DAMAGE_ACTIONS}, got {on_damage!r}.")
        self._on_damage = on_damage
        self._num_decoders = num_decoders or default_num_decoders()
        url_options = UrlOptions(url_timeout_seconds, url_total_seconds, url_max_bytes, url_policy)
        self._source = VideoSource(source, url_options=url_options, limits=ReadLimits(max_pixels, max_seconds))
        self._teams: WeakSet[Team] = WeakSet()
        try:
            with self._source.guard.working():
                keep_whole_pictures(self._source)
            index, self._geometry = probe(self._source)
            self._use_index(index)
            self._report_cut()
        except BaseException:
            self.close()
            raise
        self.height, self.width = self._geometry.height, self._geometry.width
        self.rotation_degrees = self._geometry.rotation_degrees

    @cached_property
    def frame_seconds(self) -> np.ndarray:
        """Times of all frames. Computed on demand, because it takes 8 bytes for each frame of the video."""
        return self._index.frame_seconds

    def frames_at(
        self,
        frame_indices: Sequence[int] | np.ndarray | None = None,
        *,
        seconds: Sequence[float] | np.ndarray | None = None,
        size: tuple[int, int] | None = None,
        seek_mode: str = "exact",
    ) -> Iterator[tuple[np.ndarray, float]]:
        """Reads the frames with these indices, or the frames nearest to these times.

        A few frames are decoded ahead while the caller uses those it has. If the caller asks for no more, the threads
        end after a second; `close` ends all iterators of the reader.

        Args:
            frame_indices: Frame indices in `[0, num_frames)`, in any order.
            seconds: Times in seconds from the first frame, in any order.
            size: (height, width) in pixels to which frames are resized while they are decoded; None keeps their size.
            seek_mode: `"exact"`, or `"keyframe"` for the key frame nearest to each chosen frame: much faster, less
                even, and fewer frames if several are nearest to the same key frame.

        Returns:
            An iterator over pairs `(frame, seconds)` in time order, each frame once. A frame is RGB, `(H, W, 3)`
            uint8; its time is a float, in seconds from the first frame.

        Raises:
            ValueError: At once, if not exactly one of `frame_indices` and `seconds` is given, or a value is out of
                range.
            VideoReadError: At the end of the iteration, if no frame could be decoded.

        Warns:
            VideoDamageWarning: Once, at the end of the iteration, if damaged frames were left out.
        """
        _check_size(size)
        return self._stream(self._choose_frames(frame_indices, seconds, seek_mode), size)

    def sample(
        self,
        *,
        num_frames: int | None = None,
        fps: float | None = None,
        max_frames: int = DEFAULT_MAX_FRAMES,
        size: tuple[int, int] | None = None,
        seek_mode: str = "exact",
        start_seconds: float | None = None,
        end_seconds: float | None = None,
    ) -> "SampledVideo":
        """Reads frames that are spread evenly in time into memory. Options, errors and warnings as in `read_video`.

        With `start_seconds` or `end_seconds`, frames are chosen from that part of the video alone, both ends included,
        and no more is decoded than they need. Their times are still those of the whole video.
        """
        check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
        _check_size(size)
        options = {"num_frames": num_frames, "fps": fps, "max_frames": max_frames}
        options |= {"start_seconds": start_seconds, "end_seconds": end_seconds}
        lost = looked_at = np.empty(0, dtype=np.int64)
        num_rounds = 0
        while True:
            wanted = self._choose_sample(lost, seek_mode, options)
            num_rounds += 1
            try:
                frames, is_read = self._collect(wanted, size)
                found = wanted[~is_read]
                lost = np.union1d(lost, found)
                if len(found) == 0 or num_rounds == MAX_ROUNDS:
                    break
                suspects = np.setdiff1d(self._suspects(found, num_rounds, seek_mode, options), looked_at)
                lost = np.union1d(lost, self._unreadable(suspects))
                looked_at = np.union1d(looked_at, suspects)
            except IndexContradictedError:
                self._use_index(count_frames(self._source))
                lost = looked_at = lost[:0]
        if len(lost):
            self._report_damage(num_lost=len(lost), num_asked=self.num_frames)
        return self._sampled(wanted[is_read], frames if is_read.all() else frames[is_read])

    def _use_index(self, index: FrameIndex) -> None:
        """Sets the facts about the frames."""
        self._index = index
        self.__dict__.pop("frame_seconds", None)
        self.key_frame_indices = index.key_frames
        self.num_frames = len(index.frame_pts)
        self.duration_seconds = index.duration_seconds
        self.average_fps = self.num_frames / self.duration_seconds if self.duration_seconds else 0.0

    def close(self) -> None:
        """Frees what the reader holds, and ends all reading of frames: asking for more is an error.

        A file object that was given as the source stays open.
        """
        for team in list(self._teams):
            team.stop(VideoReadError(f"{self._source.name}: the reader was closed while its frames were being read."))
        self._source.close()

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"VideoReader({self._source.name!r}: {self.num_frames} frames of {self.height} x {self.width}, "
            f"{self.duration_seconds:.3f} s)"
        )

    # --- choosing frames ---------------------------------------------------------------------------------------------

    def _choose_sample(self, lost: np.ndarray, seek_mode: str, options: dict[str, Any]) -> np.ndarray:
        """Returns the frames to sample, `(N,)`, as if the `lost` frames were not in the video."""
        times, options = self._index.frame_seconds, dict(options)
        start, end = options.pop("start_seconds"), options.pop("end_seconds")
        if start is None and end is None:
            options["duration_seconds"] = self.duration_seconds
            if len(lost) == 0:
                return self._choose_frames(sample_frame_indices(times, **options), None, seek_mode)
        readable = np.setdiff1d(frames_between(times, start, end, self.duration_seconds), lost)
        if seek_mode == "keyframe" and len(lost):  # nothing may be known about the other frames of a damaged part
            keys = np.intersect1d(readable, self.key_frame_indices)
            readable = keys if len(keys) else readable
        if len(readable) == 0:
            of_part = "" if start is None and end is None else " of this part"
            raise VideoReadError(f"{self._source.name}: not one frame{of_part} could be decoded.")
        return self._choose_frames(readable[sample_frame_indices(times[readable], **options)], None, seek_mode, lost)

    def _choose_frames(self, frame_indices, seconds, seek_mode: str, lost: np.ndarray | None = None) -> np.ndarray:
        """Returns increasing, distinct frame indices, `(N,)` int64; no key frame is one of the `lost` frames."""
        if (frame_indices is None) == (seconds is None):
            raise ValueError("Give either frame_indices or seconds.")
        if seek_mode not in SEEK_MODES:
            raise ValueError(f"seek_mode must be one of {SEEK_MODES}, got {seek_mode!r}.")
        if frame_indices is None:
            frame_indices = nearest_indices(self._index.frame_seconds, np.asarray(seconds, dtype=np.float64))
        wanted = np.unique(np.asarray(frame_indices, dtype=np.int64))
        if len(wanted) and not 0 <= wanted[0] <= wanted[-1] < self.num_frames:
            raise ValueError(f"Frame indices must lie in [0, {self.num_frames}), got {wanted[0]} to {wanted[-1]}.")
        return wanted if seek_mode == "exact" else self._nearest_key_frames(wanted, lost)

    def _nearest_key_frames(self, wanted: np.ndarray, lost: np.ndarray | None) -> np.ndarray:
        keys = self.key_frame_indices if lost is None else np.setdiff1d(self.key_frame_indices, lost)
        if len(keys) == 0:
            raise VideoReadError(f"{self._source.name}: not one key frame could be decoded.")
        frame_seconds = self._index.frame_seconds
        return np.unique(keys[nearest_indices(frame_seconds[keys], frame_seconds[wanted])])

    # --- reading the chosen frames -----------------------------------------------------------------------------------

    def _stream(self, wanted: np.ndarray, size: tuple[int, int] | None) -> Iterator[tuple[np.ndarray, float]]:
        """Yields the frames that can be read with their times."""
        num_asked, num_read, last_index = len(wanted), 0, -1
        while True:
            seconds = dict(zip(wanted.tolist(), self._index.frame_seconds[wanted].tolist(), strict=True))
            try:
                for last_index, frame in self._decode(wanted, size):
                    num_read += 1
                    yield frame, seconds[last_index]
                break
            except IndexContradictedError:
                wanted, last_index = self._count_again(wanted, last_index)
        if num_read < num_asked:
            self._report_damage(num_lost=num_asked - num_read, num_asked=num_asked)

    def _count_again(self, wanted: np.ndarray, last_index: int) -> tuple[np.ndarray, int]:
        """Replaces an index that decoding has contradicted. If the number of frames differs, times find the frames.

        Returns:
            The wanted frames after the last one that was read, and that one, in the new index.
        """
        old_pts = self._index.frame_pts
        self._use_index(count_frames(self._source))
        new_pts = self._index.frame_pts
        if len(new_pts) == len(old_pts):
            return wanted[wanted > last_index], last_index
        last = -1 if last_index < 0 else int(nearest_indices(new_pts, old_pts[[last_index]])[0])
        wanted = np.unique(nearest_indices(new_pts, old_pts[wanted[wanted > last_index]]))
        return wanted[wanted > last], last

    def _collect(self, wanted: np.ndarray, size: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
        """Returns the frames, `(N, H, W, 3)`, and which of them could be read, `(N,)`; the others hold anything."""
        height, width = size or (self.height, self.width)
        if size is None:
            self._source.guard.check_kept(len(wanted), height, width)
        frames = np.empty((len(wanted), height, width, 3), dtype=np.uint8)
        is_read = np.zeros(len(wanted), dtype=bool)
        for frame_index, frame in self._decode(wanted, size, in_order=False):
            place = np.searchsorted(wanted, frame_index)
            frames[place], is_read[place] = frame, True
        return frames, is_read

    def _suspects(self, found: np.ndarray, num_rounds: int, seek_mode: str, options: dict[str, Any]) -> np.ndarray:
        """Returns the frames that may be lost too, after some frames of a sample were `found` to be.

        Damage is mostly in one place, so these are first the frames that are decoded with them. If the next sample
        meets damage again, they are all frames that can be sampled, so that no further sample can.
        """
        if num_rounds == 1:
            return self._index.decoded_together(found)
        if seek_mode == "keyframe":
            return self.key_frame_indices
        part = options["start_seconds"], options["end_seconds"]
        return frames_between(self._index.frame_seconds, *part, self.duration_seconds)

    def _unreadable(self, suspects: np.ndarray) -> np.ndarray:
        """Returns those of some frames that cannot be decoded."""
        decoded = self._decode(suspects, None, in_order=False, make_paint=lambda: _paint_nothing)
        return np.setdiff1d(suspects, [frame_index for frame_index, _ in decoded])

    def _decode(
        self,
        wanted: np.ndarray,
        size: tuple[int, int] | None,
        *,
        in_order: bool = True,
        make_paint: Callable[[], Paint] | None = None,
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yields the frames that can be read with their indices. All reading of frames passes through here."""
        height, width = size or (self.height, self.width)
        guard, segments = self._source.guard, plan_segments(self._index, wanted)
        resources = ExitStack()
        with named_errors(self._source), guard.working():
            for frame in decode_in_parallel(
                resources.enter_context(open_decoders(self._source, self._index)),
                make_paint or (lambda: FramePainter(self._geometry, size, self._source.name).paint),
                segments,
                num_decoders=self._num_decoders,
                capacity=max(LOOKAHEAD_BYTES // (height * width * 3), 2),
                in_order=in_order,
                when_done=resources.close,
                teams=self._teams,
            ):
                with guard.resting():
                    yield frame

    # --- reporting the result ----------------------------------------------------------------------------------------

    def _report_damage(self, *, num_lost: int, num_asked: int) -> None:
        if num_lost == num_asked:
            raise VideoReadError(f"{self._source.name}: not one frame could be decoded.")
        self._warn(f"{self._source.name}: {num_lost} of {num_asked} frames are damaged and were left out.")

    def _report_cut(self) -> None:
        """Reports what was found when the file was opened."""
        with named_errors(self._source), self._source.guard.working():
            cut, num_damaged = describe_cut(self._source, self._index), self._index.num_damaged
        if cut is not None:
            self._warn(f"{self._source.name} is cut off: {cut}.")
        elif num_damaged:
            self._report_damage(num_lost=num_damaged, num_asked=self.num_frames + num_damaged)

    def _warn(self, message: str) -> None:
        """Warns, or raises an error if that is wanted."""
        if self._on_damage == "error":
            raise VideoReadError(message)
        warn_user(message, VideoDamageWarning)

    def _sampled(self, frame_indices: np.ndarray, frames: np.ndarray) -> "SampledVideo":
        return SampledVideo(
            frames=frames,
            seconds=self._index.frame_seconds[frame_indices],
            frame_indices=frame_indices,
            duration_seconds=self.duration_seconds,
            average_fps=self.average_fps,
            total_frames=self.num_frames,
            height=self.height,
            width=self.width,
        )


@dataclass(frozen=True)
class SampledVideo:
    """Sampled frames of a video, and facts about the video.

    Attributes:
        frames: RGB frames, `(N, H, W, 3)` uint8, in time order.
        seconds: When each frame is shown, in seconds from the first frame of the video, `(N,)` float64.
        frame_indices: Indices of the frames in the video, `(N,)` int64.
        duration_seconds: End of the last frame of the video in seconds.
        average_fps: Frames of the video per second; 0 if the duration is 0.
        total_frames: Number of frames of the video.
        height: Height of the video in pixels, before any resizing.
        width: Width of the video in pixels, before any resizing.
    """

    frames: np.ndarray
    seconds: np.ndarray
    frame_indices: np.ndarray
    duration_seconds: float
    average_fps: float
    total_frames: int
    height: int
    width: int

    def __repr__(self) -> str:
        return (
            f"SampledVideo(frames={self.frames.shape}, {self.seconds[0]:.3f} to {self.seconds[-1]:.3f} s "
            f"of {self.duration_seconds:.3f} s, {self.total_frames} frames of {self.height} x {self.width})"
        )


def _paint_nothing(frame) -> np.ndarray:
    """Stands for a picture if only the success of decoding is of interest."""
    return np.empty((0, 0, 3), dtype=np.uint8)


def _check_size(size: tuple[int, int] | None) -> None:
    if size is not None and min(size) <= 0:
        raise ValueError(f"size must be a positive (height, width), got {size}.")

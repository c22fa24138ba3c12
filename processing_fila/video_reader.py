"""Reading a video: its real times, and the frames asked for, decoded by as little work and memory as they need.

    with VideoReader("lecture.mkv") as reader:
        for frame, seconds in reader.frames_at(seconds=[0, 60, 120], size=(384, 384)):
            ...

    video = read_video("lecture.mkv", num_frames=96, size=(384, 384))

N: frames asked for, F: frames of the video, H and W: height and width of what is returned.
"""

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch.utils.data import get_worker_info

from .frame_sampling import DEFAULT_MAX_FRAMES, check_sampling, nearest_indices, sample_frame_indices
from .video_decoder import Decoder, open_counting_decoder
from .video_errors import VideoDamageWarning, VideoReadError
from .video_index import plan_segments
from .video_packets import PacketReader
from .video_parallel import FrameDecoder, decode_side_by_side
from .video_picture import FramePainter
from .video_probe import probe
from .video_source import VideoInput, VideoSource


__all__ = ["SampledVideo", "VideoDamageWarning", "VideoReadError", "VideoReader", "read_video"]

SEEK_MODES = ("exact", "keyframe")
MAX_DECODERS = 4
LOOKAHEAD_BYTES = 16 * 2**20


class VideoReader:
    """The frames of one video, by index or by time. Open while needed: use it in a `with` block.

    Args:
        source: a path, the bytes of a file, a seekable binary file object, or an http(s) URL.
        num_decoders: how many parts of the video are decoded side by side. By default one for each processor that this
            process may use, at most 4, and in a data loader's worker one.
        url_timeout_seconds: the longest wait for a server's answer.
        url_max_bytes: the most bytes fetched from a URL.

    Attributes:
        frame_seconds: (F,) float64, when each frame is shown, sorted; the first is at 0. These are the times in the
            file, edit lists applied, never index / fps.
        key_frame_indices: frames that can be decoded alone.
        num_frames: F.
        duration_seconds: end of the last frame, whatever the header or the audio says.
        average_fps: num_frames / duration_seconds.
        height, width: of the upright picture with square pixels.
        rotation_degrees: clockwise, already applied to all frames.

    Raises:
        VideoReadError: (an OSError) no such file, no video in it, or not one readable frame.
        ValueError: a URL that is neither http nor https.
        ImportError: PyAV is not installed.
    """

    def __init__(
        self,
        source: VideoInput,
        *,
        num_decoders: int | None = None,
        url_timeout_seconds: float = 30.0,
        url_max_bytes: int = 2**31,
    ):
        if num_decoders is not None and num_decoders <= 0:
            raise ValueError(f"num_decoders must be positive, got {num_decoders}.")
        self._num_decoders = num_decoders or _default_decoders()
        self._source = VideoSource(source, url_timeout_seconds=url_timeout_seconds, url_max_bytes=url_max_bytes)
        try:
            self._index, self._geometry = probe(self._source)
        except BaseException:
            self.close()
            raise
        self.key_frame_indices = self._index.key_frames
        self.num_frames = len(self._index.frame_pts)
        self.duration_seconds = self._index.duration_seconds
        self.average_fps = self.num_frames / self.duration_seconds if self.duration_seconds else 0.0
        self.height, self.width = self._geometry.height, self._geometry.width
        self.rotation_degrees = self._geometry.rotation_degrees

    @cached_property
    def frame_seconds(self) -> np.ndarray:
        """Made when somebody asks: 8 bytes for each frame, which the reader itself does not keep."""
        return self._index.frame_seconds

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._source.close()

    def __repr__(self) -> str:
        return (
            f"VideoReader({self._source.name!r}: {self.num_frames} frames of {self.height} x {self.width}, "
            f"{self.duration_seconds:.3f} s)"
        )

    def frames_at(
        self,
        frame_indices: Sequence[int] | np.ndarray | None = None,
        *,
        seconds: Sequence[float] | np.ndarray | None = None,
        size: tuple[int, int] | None = None,
        seek_mode: str = "exact",
    ) -> Iterator[tuple[np.ndarray, float]]:
        """The frames with these indices, or nearest to these times, as (frame, seconds) in time order, each once.

        Frames are uint8 RGB (H, W, 3), resized to `size` = (height, width) while decoding; None: as they are. A few
        frames are decoded ahead while the caller uses those it has.

        `seek_mode="keyframe"` gives the nearest key frame for each one asked, with its own time: much faster, less
        even, and fewer frames where several are nearest to the same one.

        Damaged frames are left out, with one VideoDamageWarning at the end; VideoReadError if nothing is left.
        """
        _check_size(size)
        return self._stream(self._resolve(frame_indices, seconds, seek_mode), size)

    def _stream(self, wanted: np.ndarray, size: tuple[int, int] | None) -> Iterator[tuple[np.ndarray, float]]:
        num_read = 0
        seconds = dict(zip(wanted.tolist(), self._index.frame_seconds[wanted].tolist(), strict=True))
        for frame_index, frame in self._decode(wanted, size):
            num_read += 1
            yield frame, seconds[frame_index]
        if num_read < len(wanted):
            self._report_damage(num_lost=len(wanted) - num_read, num_asked=len(wanted))

    def sample(
        self,
        *,
        num_frames: int | None = None,
        fps: float | None = None,
        max_frames: int = DEFAULT_MAX_FRAMES,
        size: tuple[int, int] | None = None,
        seek_mode: str = "exact",
    ) -> "SampledVideo":
        """Frames spread evenly in time, all in memory; the options are those of `read_video`."""
        check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
        _check_size(size)
        options = {"num_frames": num_frames, "fps": fps, "max_frames": max_frames}
        lost = np.empty(0, dtype=np.int64)
        while len(lost) < self.num_frames:
            wanted = self._spread(lost, seek_mode, options)
            frames, is_read = self._collect(wanted, size)
            if is_read.all():
                break
            found = wanted[~is_read]
            lost = np.union1d(lost, np.union1d(found, self._unreadable_near(found)))
        if len(lost):
            self._report_damage(num_lost=len(lost), num_asked=self.num_frames)
        return self._sampled(wanted, frames)

    def _spread(self, lost: np.ndarray, seek_mode: str, options: dict) -> np.ndarray:
        """The frames (N,) to sample, as if those `lost` were not in the video."""
        times, options = self._index.frame_seconds, options | {"duration_seconds": self.duration_seconds}
        if len(lost) == 0:
            return self._resolve(sample_frame_indices(times, **options), None, seek_mode)
        readable = np.delete(np.arange(self.num_frames), lost)
        return self._resolve(readable[sample_frame_indices(times[readable], **options)], None, seek_mode, lost)

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

    def _resolve(self, frame_indices, seconds, seek_mode: str, lost: np.ndarray | None = None) -> np.ndarray:
        """What `frames_at` was asked for as increasing, distinct frame indices (N,); no key frame that is `lost`."""
        if (frame_indices is None) == (seconds is None):
            raise ValueError("Give either frame_indices or seconds.")
        if seek_mode not in SEEK_MODES:
            raise ValueError(f"seek_mode must be one of {SEEK_MODES}, got {seek_mode!r}.")
        if frame_indices is None:
            frame_indices = nearest_indices(self._index.frame_seconds, np.asarray(seconds, dtype=np.float64))
        wanted = np.unique(np.asarray(frame_indices, dtype=np.int64))
        if len(wanted) and not 0 <= wanted[0] <= wanted[-1] < self.num_frames:
            raise ValueError(f"Frame indices must lie in [0, {self.num_frames}), got {wanted[0]} to {wanted[-1]}.")
        if seek_mode == "keyframe":
            keys = self.key_frame_indices
            keys = keys if lost is None else np.setdiff1d(keys, lost)
            if len(keys) == 0:
                raise VideoReadError(f"{self._source.name}: not one key frame could be decoded.")
            frame_seconds = self._index.frame_seconds
            nearest = nearest_indices(frame_seconds[keys], frame_seconds[wanted])
            wanted = np.unique(keys[nearest])
        return wanted

    def _collect(self, wanted: np.ndarray, size: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
        """Frames (N, H, W, 3) of `wanted`, and which of them (N,) could be read; the others hold anything."""
        height, width = size or (self.height, self.width)
        frames = np.empty((len(wanted), height, width, 3), dtype=np.uint8)
        is_read = np.zeros(len(wanted), dtype=bool)
        for frame_index, frame in self._decode(wanted, size, in_order=False):
            place = np.searchsorted(wanted, frame_index)
            frames[place], is_read[place] = frame, True
        return frames, is_read

    def _unreadable_near(self, lost: np.ndarray) -> np.ndarray:
        """All frames that cannot be decoded in the parts of the video where the frames `lost` are."""
        near = self._index.decoded_together(lost)
        readable = [frame_index for frame_index, _ in self._decode(near, None, in_order=False, keep_pictures=False)]
        return np.setdiff1d(near, readable)

    def _decode(
        self, wanted: np.ndarray, size, *, in_order: bool = True, keep_pictures: bool = True
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        """The frames of `wanted` that can be read, as (frame index, picture), decoded side by side and ahead."""
        height, width = size or (self.height, self.width)
        with self._open_decoders() as make_decoder:
            yield from decode_side_by_side(
                make_decoder,
                lambda: FramePainter(self._geometry, size).paint if keep_pictures else None,
                plan_segments(self._index, wanted),
                num_decoders=self._num_decoders,
                capacity=max(LOOKAHEAD_BYTES // (height * width * 3), 2),
                in_order=in_order,
            )

    @contextmanager
    def _open_decoders(self) -> Iterator[Callable[[int], FrameDecoder]]:
        """A function that opens a decoder of so many threads. All decoders read from the same container."""
        if self._index.keys is None:
            yield lambda num_threads: open_counting_decoder(self._source, num_threads)
            return
        with closing(PacketReader(self._source, self._index.keys)) as packets:
            yield lambda num_threads: Decoder(self._source, self._index, packets, num_threads)

    def _report_damage(self, *, num_lost: int, num_asked: int) -> None:
        if num_lost == num_asked:
            raise VideoReadError(f"{self._source.name}: not one frame could be decoded.")
        warnings.warn(
            f"{self._source.name}: {num_lost} of {num_asked} frames are damaged and were left out.",
            VideoDamageWarning,
            stacklevel=3,
        )


@dataclass(frozen=True)
class SampledVideo:
    """Frames of a video and what they are.

    frames (N, H, W, 3) uint8 RGB; seconds (N,) float64, their times; frame_indices (N,) int64, their places among the
    `total_frames` of the video, which lasts `duration_seconds`; height and width are those of the video.
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


def read_video(
    source: VideoInput,
    *,
    num_frames: int | None = None,
    fps: float | None = None,
    max_frames: int = DEFAULT_MAX_FRAMES,
    size: tuple[int, int] | None = None,
    seek_mode: str = "exact",
    **reader_options,
) -> SampledVideo:
    """Frames of a video, spread evenly in time, the first and the last among them.

    Args:
        source, reader_options: see VideoReader.
        num_frames: how many; all frames of a video that has fewer.
        fps: how many per second instead, at most `max_frames` in all. With neither, as many as `max_frames` allows.
        size: (height, width) to resize to while decoding; None keeps the video's own.
        seek_mode: "exact", or "keyframe" for the key frames nearest to those chosen.

    Damaged frames are left out and the choice is made again from what can be read, with one VideoDamageWarning that
    says how many were found damaged.

    Raises:
        VideoReadError: (an OSError) the file cannot be read, or gives no frame.
        ValueError: `num_frames` together with `fps`, or a value out of range.
    """
    check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
    with VideoReader(source, **reader_options) as reader:
        return reader.sample(num_frames=num_frames, fps=fps, max_frames=max_frames, size=size, seek_mode=seek_mode)


def _default_decoders() -> int:
    """In a worker one, as PyTorch gives it one thread: more workers use more processors."""
    return 1 if get_worker_info() is not None else min(_num_processors(), MAX_DECODERS)


def _num_processors() -> int:
    """Processors this process may use; containers and job schedulers often grant fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_size(size: tuple[int, int] | None) -> None:
    if size is not None and min(size) <= 0:
        raise ValueError(f"size must be a positive (height, width), got {size}.")

"""What a video stream holds, known by listing its packets (nothing is decoded), and which packets a frame needs.

P: packets in file (decoding) order, F: frames in time order.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from .video_source import av


# A demuxer that reports damage may go on after it; one that reports nothing else is given up.
MAX_DEMUX_ERRORS = 1000
KEY, SHOWN = 1, 2


@dataclass(frozen=True)
class KeyPackets:
    """The packets that decoding can start from, and the very first one: places in the file, times. Both (K,)."""

    packets: np.ndarray
    pts: np.ndarray

    def last_before(self, packet: int) -> int:
        """The last of them in front of a packet, or the first packet of all."""
        return int(self.packets[max(np.searchsorted(self.packets, packet) - 1, 0)])

    def last_up_to(self, packet: int) -> int:
        """The last of them that is a packet or in front of it."""
        return int(self.packets[np.searchsorted(self.packets, packet, side="right") - 1])

    def pts_of(self, packet: int) -> int:
        return int(self.pts[np.searchsorted(self.packets, packet)])

    def find(self, pts: int) -> int | None:
        """The key packet with this presentation time."""
        found = np.flatnonzero(self.pts == pts)
        return int(self.packets[found[0]]) if len(found) else None


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a stream in time order. `keys` is None where a frame can only be found by counting from the first.

    frame_pts (F,) and end_pts (end of the last frame) are in units of `time_base` seconds.
    frame_packets (F,): the packet that holds each frame.
    key_frames: indices of the frames that can be decoded alone; the first where there are none (or none are told).
    group_frames, group_packets (G,): from this frame on (until the next group's), decoding starts at this packet.
    """

    frame_pts: np.ndarray
    end_pts: int
    time_base: Fraction
    keys: KeyPackets | None = None
    frame_packets: np.ndarray | None = None
    key_frames: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    group_frames: np.ndarray | None = None
    group_packets: np.ndarray | None = None

    @property
    def frame_seconds(self) -> np.ndarray:
        """(F,) float64, the first frame at 0. Made anew each time."""
        seconds = np.empty(len(self.frame_pts))
        np.subtract(self.frame_pts, self.frame_pts[0], out=seconds, casting="unsafe")  # exact: integers up to 2^53
        seconds *= self.time_base.numerator
        seconds /= self.time_base.denominator
        return seconds

    @property
    def duration_seconds(self) -> float:
        return float((self.end_pts - int(self.frame_pts[0])) * self.time_base)

    def groups_of(self, frames: np.ndarray) -> np.ndarray:
        """The group of each frame: those of one group are decoded from the same key packet on."""
        return np.searchsorted(self.group_frames, frames, side="right") - 1

    def frames_of_group(self, group: int) -> np.ndarray:
        stop = self.group_frames[group + 1] if group + 1 < len(self.group_frames) else len(self.frame_pts)
        return np.arange(self.group_frames[group], stop)

    def decoded_together(self, frames: np.ndarray) -> np.ndarray:
        """All frames that are decoded from the same key packets as `frames` are."""
        if self.keys is None:
            return frames
        return np.concatenate([self.frames_of_group(group) for group in np.unique(self.groups_of(frames))])


@dataclass(frozen=True)
class Segment:
    """A run of packets [start, stop) to decode, and the frames wanted from it (indices in time order)."""

    start: int
    stop: int
    frames: np.ndarray


def demux_past_damage(container, stream) -> Iterator["av.Packet"]:
    """The packets of `stream`, also those behind a damaged stretch (which ends PyAV's loop, not the file)."""
    for _ in range(MAX_DEMUX_ERRORS):
        try:
            yield from (packet for packet in container.demux(stream) if packet.size)
            return
        except (av.FFmpegError, IndexError):  # IndexError: a damaged packet of a stream that was not there at the start
            continue


def index_packets(container, stream) -> FrameIndex | None:
    """List the packets of `stream` from the start of the file on.

    None when packets do not tell the frames: there are none, one has no presentation time, or two have the same.
    AVI has times of decoding alone, which are others where frames are stored out of order.
    """
    if container.format.name == "avi" and stream.codec_context.has_b_frames:
        return None
    is_vp8 = stream.codec_context.name == "vp8"
    pts, flags = array("q"), bytearray()
    last_pts, last_ticks = -(2**63), 0
    for packet in demux_past_damage(container, stream):
        if packet.pts is None:
            return None
        is_shown = not packet.is_discard and not (is_vp8 and _is_hidden_vp8(packet))
        pts.append(packet.pts)
        flags.append(KEY * packet.is_keyframe + SHOWN * is_shown)
        if is_shown and packet.pts > last_pts:
            last_pts, last_ticks = packet.pts, packet.duration or 0
    return _frame_index(np.array(pts), np.array(flags), last_ticks, stream)


def plan_segments(index: FrameIndex, frames: np.ndarray) -> list[Segment]:
    """The runs of packets that hold `frames` (increasing indices), in time order."""
    if index.keys is None:
        return [Segment(0, len(index.frame_pts), frames)] if len(frames) else []
    groups = index.groups_of(frames)
    parts = np.split(frames, np.flatnonzero(np.diff(groups)) + 1) if len(frames) else []
    starts = index.group_packets[np.unique(groups)].tolist()
    return [
        Segment(start, int(index.frame_packets[part].max()) + 1, part)
        for start, part in zip(starts, parts, strict=True)
    ]


def _frame_index(pts: np.ndarray, flags: np.ndarray, last_ticks: int, stream) -> FrameIndex | None:
    """The index from what the packets say, both (P,); `last_ticks` is how long the last frame lasts."""
    by_time = np.argsort(pts).astype(np.int32)
    is_shown = flags & SHOWN > 0
    if not is_shown.any() or (np.diff(pts[by_time]) == 0).any():
        return None
    is_key = flags & KEY > 0
    is_key[0] = True  # whatever it is, decoding can start nowhere before it
    key_packets = np.flatnonzero(is_key).astype(np.int32)
    keys = KeyPackets(packets=key_packets, pts=pts[key_packets])
    frame_packets = by_time[is_shown[by_time]]
    frame_pts = pts[frame_packets]
    key_frames = np.flatnonzero(is_key[frame_packets])
    starts = _decoding_starts(keys, frame_packets, frame_pts)
    group_frames = np.flatnonzero(np.diff(starts, prepend=-1)).astype(np.int32)
    return FrameIndex(
        frame_pts=frame_pts,
        end_pts=guess_end(frame_pts, nominal_ticks(stream), last_ticks),
        time_base=stream.time_base,
        keys=keys,
        frame_packets=frame_packets,
        key_frames=key_frames if len(key_frames) else np.zeros(1, dtype=np.int64),
        group_frames=group_frames,
        group_packets=starts[group_frames],
    )


def guess_end(frame_pts: np.ndarray, nominal_ticks: float, last_ticks: int = 0) -> int:
    """End of the last frame: after its own duration; unknown (0), after the middle one of all gaps between frames."""
    if last_ticks <= 0:
        last_ticks = round(np.median(np.diff(frame_pts)) if len(frame_pts) > 1 else nominal_ticks)
    return int(frame_pts[-1]) + last_ticks


def nominal_ticks(stream) -> float:
    """How long the header says a frame lasts, in units of the time base; 0 where it does not say."""
    rate = stream.average_rate or stream.guessed_rate
    return float(1 / (rate * stream.time_base)) if rate else 0.0


def _decoding_starts(keys: KeyPackets, frame_packets: np.ndarray, frame_pts: np.ndarray) -> np.ndarray:
    """(F,) the packet to start from: the last key packet at or before a frame's own, in the file and also in time.

    The frames that follow a key packet in the file and precede it in time (an open GOP) need the GOP before as well.
    """
    choice = np.searchsorted(keys.packets, frame_packets, side="right") - 1
    while (too_late := (keys.pts[choice] > frame_pts) & (choice > 0)).any():
        choice -= too_late
    starts = keys.packets[choice]
    return np.minimum.accumulate(starts[::-1])[::-1]  # later in time never starts earlier in the file


def _is_hidden_vp8(packet) -> bool:
    """VP8 stores reference frames that are never shown as packets of their own (show_frame, RFC 6386, 9.1)."""
    return not memoryview(packet)[0] & 0x10

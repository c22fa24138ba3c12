"""Telling the frames that a damaged packet has no part in.

A decoder patches damage up and goes on: until the next key frame its pictures are then partly invented. It gives frames
in the order they are shown, so what a frame was predicted from may turn out damaged after the frame itself has come.
"""

import math
from collections import deque
from typing import Any


# No codec keeps more pictures than this waiting to be shown.
MAX_HELD_FRAMES = 16


class DamageFilter:
    """Holds decoded frames back until everything that was decoded before them has come out, whole or not.

    Packets are told by their place in the file. Decoding starts from one at `start_pts`; those behind it in the file
    that are shown before it (an open GOP) cannot be decoded from there, which harms no other.

    Args:
        decoder_delay: after how many more packets the decoder reports an error at the latest.
    """

    def __init__(self, start_pts: int, decoder_delay: int):
        self._start_pts = start_pts
        self._decoder_delay = decoder_delay
        self._awaited: dict[int, int] = {}  # time of a frame that may still come: its packet; in the order of packets
        self._first_damaged = math.inf
        self._held: deque[tuple[int, Any]] = deque()

    def sent(self, packet: int, pts: int, is_damaged: bool) -> None:
        """A packet goes into the decoder."""
        if pts >= self._start_pts:
            self._awaited[pts] = packet
            if is_damaged:
                self._note_damage(packet)

    def failed(self, packet: int, pts: int) -> None:
        """The decoder reports an error when given this packet."""
        if pts >= self._start_pts:
            del self._awaited[pts]
            self._note_damage(packet - self._decoder_delay)

    def came(self, pts: int, is_corrupt: bool, frame: Any | None) -> None:
        """A frame comes out; None if it is not wanted. What should have come before it will not come any more."""
        packet = self._awaited.get(pts)
        if packet is None:
            return
        self._awaited = {time: other for time, other in self._awaited.items() if time > pts}
        if is_corrupt:
            self._note_damage(packet)
        if frame is not None:
            self._held.append((packet, frame))

    def release(self, at_end: bool = False) -> list:
        """The frames held that are known to be whole, in the order they came."""
        first_awaited = math.inf if at_end else next(iter(self._awaited.values()), math.inf)
        released = []
        while self._held and (self._held[0][0] < first_awaited or len(self._held) > MAX_HELD_FRAMES):
            packet, frame = self._held.popleft()
            if packet < self._first_damaged:
                released.append(frame)
        return released

    def _note_damage(self, packet: int) -> None:
        self._first_damaged = min(self._first_damaged, packet)

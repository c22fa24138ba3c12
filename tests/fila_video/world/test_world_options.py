"""Options that contradict each other or cannot be drawn are refused."""

import pytest

from fila_video.world.world_options import WorldOptions


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scenes": (3, 2)}, r"scenes=\(3, 2\)"),
        ({"scenes": (0, 2)}, r"scenes=\(0, 2\)"),
        ({"scenes": (2, 9)}, "more objects than there are colors, 8"),
        ({"scenes": (2, 4), "events": (0, 2)}, r"events=\(0, 2\)"),
        ({"shortest_share": 0.5}, "shortest_share=0.5"),
        ({"pair_probability": 1.5}, "pair_probability=1.5"),
        ({"changes_on_frames": 1}, "changes_on_frames=1"),
        ({"uneven": True}, "uneven=True needs changes_on_frames"),
        ({"changes_on_frames": 24, "events": (1, 1)}, r"events=\(1, 1\)"),
        ({"changes_on_frames": 24, "seconds": (2.0, 9.0)}, r"is more than seconds=\(2.0, 9.0\)"),
        ({"changes_on_frames": 5}, "6 scenes of shortest_share=0.1 do not fit changes_on_frames=5"),
    ],
)
def test_options_that_cannot_be_drawn_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        WorldOptions(**values)

"""Times as people read them."""

import pytest

from fila_video.scenes.clock import clock, time_ticks


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0:00.0"), (12.34, "0:12.3"), (59.94, "0:59.9"), (59.96, "1:00.0"), (83.4, "1:23.4")),
        *((3599.94, "59:59.9"), (3599.96, "1:00:00.0"), (3723.45, "1:02:03.4"), (36000, "10:00:00.0")),
    ],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (0.5, ["0:00.0", "0:00.1", "0:00.2", "0:00.3", "0:00.4", "0:00.5"]),
        (25, ["0:00", "0:05", "0:10", "0:15", "0:20", "0:25"]),
        (100, ["0:00", "0:15", "0:30", "0:45", "1:00", "1:15", "1:30"]),
        (5400, ["0:00", "15:00", "30:00", "45:00", "1:00:00", "1:15:00", "1:30:00"]),
    ],
)
def test_ticks_are_round_times(seconds, texts):
    assert [text for _, text in time_ticks(seconds)] == texts


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1, 7.9, 8, 59, 61, 1234.5, 3600, 86000])
def test_ticks_lie_evenly_inside_the_video(seconds):
    times = [time for time, _ in time_ticks(seconds)]
    steps = {round(later - time, 6) for time, later in zip(times, times[1:], strict=False)}
    assert times[0] == 0 and round(times[-1], 6) <= seconds and len(steps) <= 1 and len(times) <= 8

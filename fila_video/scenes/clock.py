"""Times as people read them, and the ticks of a time axis."""

# Distances between ticks, in seconds.
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def clock(seconds: float) -> str:
    """Writes a time as minutes and seconds, with hours if there are any: `0:12.3`, `1:02:03.4`."""
    tenths = round(seconds * 10)  # first, so that 59.96 becomes 1:00.0
    minutes, rest = divmod(tenths, 600)
    if minutes < 60:
        return f"{minutes}:{rest / 10:04.1f}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest / 10:04.1f}"


def time_ticks(duration_seconds: float, max_ticks: int = 8) -> list[tuple[float, str]]:
    """Chooses round times from 0 to the end of a video.

    Returns:
        Seconds and their texts. There are at most `max_ticks`, unless the video is longer than a day.
    """
    step = next((step for step in STEPS if duration_seconds / step < max_ticks), 14400)
    count = int(duration_seconds / step + 1e-9) + 1
    times = [place * step for place in range(count)]
    return [(time, clock(time) if step < 1 else clock(time).removesuffix(".0")) for time in times]

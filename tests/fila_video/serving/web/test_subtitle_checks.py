"""Which subtitle files the page accepts."""

import pytest

from fila_video.serving.web.subtitle_checks import MAX_MEGABYTES, can_read_subtitles, check_subtitles
from fila_video.serving.web.video_checks import RefusedVideoError
from processing_fila import FilaVideoVideoProcessor


LINES = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nBye\n"
video_processor = FilaVideoVideoProcessor()


def test_lines_are_counted(tmp_path):
    path = tmp_path / "a.SRT"
    path.write_text(LINES)
    assert check_subtitles(path, video_processor) == 2
    assert can_read_subtitles(video_processor) and not can_read_subtitles(object())


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", LINES, "Subtitles are files of the types .srt, .vtt, .ass, .ssa."),
        ("a.srt", "No subtitles.", "a.srt has no subtitles"),
        ("a.srt", "ffconcat version 1.0\nfile /etc/passwd\n", "a.srt has no subtitles"),
        ("a.vtt", "WEBVTT\n\n", "a.vtt has no subtitles."),
        ("a.srt", "x" * (MAX_MEGABYTES * 2**20 + 1), "larger than 4 MB"),
        ("a.srt", None, "no longer on the server"),
    ],
)
def test_other_files_are_refused_without_a_path(tmp_path, name, content, reason):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(RefusedVideoError) as error:
        check_subtitles(path, video_processor)
    assert reason in str(error.value) and str(tmp_path) not in str(error.value)

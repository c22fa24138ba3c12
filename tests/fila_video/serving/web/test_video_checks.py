"""Which videos are accepted, and in which words the others are refused."""

import shutil

import pytest

from fila_video.serving.web.run_page import FILES
from fila_video.serving.web.video_checks import Limits, RefusedVideoError, check_video
from processing_fila import FilaVideoVideoProcessor
from tests.clips import draw_audio, draw_clip


@pytest.fixture(scope="module")
def processor():
    return FilaVideoVideoProcessor(size={"height": 32, "width": 32})


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_a_video_is_accepted_and_measured(processor, tmp_path, name):
    video = check_video(draw_clip(tmp_path / name, seconds=2, size=(48, 64)), Limits(), processor)
    assert video.duration_seconds == pytest.approx(2.0, abs=0.01)
    assert (video.width, video.height) == (64, 48)


def test_the_examples_are_accepted(processor):
    for path in FILES.glob("*.mp4"):
        assert check_video(path, Limits(), processor).duration_seconds > 5


def refusal(path, processor, **limits) -> str:
    with pytest.raises(RefusedVideoError) as error:
        check_video(path, Limits(**limits), processor)
    assert str(path.parent) not in str(error.value)
    return str(error.value)


def test_a_long_or_large_video_is_refused(processor, tmp_path):
    path = draw_clip(tmp_path / "a.mp4", seconds=13)
    assert refusal(path, processor, max_minutes=0.2) == "The video lasts 0.2 minutes; the limit is 0.2."
    with path.open("ab") as file:
        file.truncate(2**20 + 1)
    assert refusal(path, processor, max_megabytes=1) == "The file is larger than 1 MB."


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.mp4", b"", "cannot be read as a video"),
        ("text.mp4", b"hello", "cannot be read as a video"),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "cannot be read as a video"),
        ("concat.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", "cannot be read as a video"),
        ("dash.mp4", b'<?xml version="1.0"?><MPD profiles="urn:mpeg:dash:profile:full:2011"></MPD>', "cannot be read"),
        ("picture.mp4", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "cannot be read as a video"),
    ],
)
def test_a_file_that_is_no_video_is_refused(processor, tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    assert reason in refusal(path, processor) and name in refusal(path, processor)


def test_a_video_in_another_container_is_refused(processor, tmp_path):
    path = draw_clip(tmp_path / "a.avi", codec="mpeg4")
    assert refusal(path, processor) == "a.avi cannot be read as a video. Upload MP4, MOV, WebM or MKV."


def test_a_damaged_video_is_refused(processor, tmp_path):
    path = tmp_path / "cut.mp4"
    whole = draw_clip(tmp_path / "a.mkv").read_bytes()
    path.write_bytes(whole[:700])
    assert "cut.mp4" in refusal(path, processor)


def test_sound_alone_is_refused(processor, tmp_path):
    path = draw_audio(tmp_path / "sound.mp4")
    assert refusal(path, processor) == "sound.mp4 holds no video."


def test_huge_pictures_are_refused_before_one_is_decoded(processor, tmp_path, monkeypatch):
    monkeypatch.setattr("fila_video.serving.web.video_checks.MAX_PIXELS", 1000)
    monkeypatch.setattr(processor, "load_videos", None)
    assert "more than 1,000 pixels" in refusal(draw_clip(tmp_path / "a.mp4"), processor)


def test_a_video_that_was_deleted_is_refused(processor, tmp_path):
    path = tmp_path / "a.mp4"
    shutil.copyfile(FILES / "example_short.mp4", path)
    path.unlink()
    assert refusal(path, processor) == "The video is no longer on the server. Upload it again."


@pytest.mark.parametrize("name", ["max_megabytes", "max_minutes", "max_frames"])
def test_a_limit_must_be_positive(name):
    with pytest.raises(ValueError, match=f"{name}=0 must be positive"):
        Limits(**{name: 0})

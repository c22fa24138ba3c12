"""The reader as its callers see it: sources, options, order, errors."""

import base64
import io
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from processing_fila.reader import VideoReader, VideoReadError, read_video
from tests.clips import SCENE_COLORS, draw_audio, draw_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 frames in 8 seconds, 4 scenes, a key frame every 12."""
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", codec_options={"x264-params": "scenecut=0"})


@pytest.fixture
def reader(clip):
    with VideoReader(clip) as reader:
        yield reader


# --- facts and frames -------------------------------------------------------------------------------------------------


def test_facts(reader):
    assert reader.num_frames == 80
    assert reader.duration_seconds == pytest.approx(8)
    assert reader.average_fps == pytest.approx(10)
    assert (reader.height, reader.width, reader.rotation_degrees) == (64, 96, 0)
    np.testing.assert_allclose(reader.frame_seconds, np.arange(80) / 10)
    assert reader.key_frame_indices.tolist() == [0, 12, 24, 36, 48, 60, 72]
    assert "80 frames of 64 x 96" in repr(reader)


def test_scenes_are_where_they_were_drawn(reader):
    for (frame, seconds), scene in zip(reader.frames_at(seconds=[1, 3, 5, 7]), range(4), strict=True):
        assert seconds == pytest.approx(2 * scene + 1)
        corner = frame[-8:, :8].mean(axis=(0, 1)) - [25 - 25 + 5] * 3  # the gradient's shade at the lower left
        np.testing.assert_allclose(corner, SCENE_COLORS[scene], atol=60)


def test_frames_come_once_and_in_order(reader):
    seconds = [seconds for _, seconds in reader.frames_at([40, 3, 40, 79, 0])]
    np.testing.assert_allclose(seconds, [0, 0.3, 4.0, 7.9])


def test_seconds_mean_the_nearest_frame(reader):
    seconds = [seconds for _, seconds in reader.frames_at(seconds=[-5, 1.04, 1.06, 99])]
    np.testing.assert_allclose(seconds, [0, 1.0, 1.1, 7.9])


@pytest.mark.parametrize("size", [None, (64, 96), (31, 47), (200, 100)])
def test_size(reader, size):
    (frame, _), *_ = reader.frames_at([5], size=size)
    assert frame.shape == (*(size or (64, 96)), 3)
    assert frame.dtype == np.uint8 and frame.flags.c_contiguous


def test_no_indices_give_no_frames(reader):
    assert list(reader.frames_at([])) == []


def test_keyframe_mode_gives_the_nearest_key_frames_and_their_times(reader):
    asked = [0, 0.5, 0.7, 2.5, 7.9]
    seconds = [seconds for _, seconds in reader.frames_at(seconds=asked, seek_mode="keyframe")]
    np.testing.assert_allclose(seconds, [0, 1.2, 2.4, 7.2])


def test_keyframe_mode_gives_the_same_pictures(reader):
    fast = reader.frames_at(reader.key_frame_indices, seek_mode="keyframe")
    for (frame, _), (expected, _) in zip(fast, reader.frames_at(reader.key_frame_indices), strict=True):
        np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize("num_decoders", [1, 2, 3, 16])
def test_any_number_of_decoders_gives_the_same(clip, reader, num_decoders):
    wanted = range(0, 80, 3)
    with VideoReader(clip, num_decoders=num_decoders) as other:
        for (frame, _), (expected, _) in zip(other.frames_at(wanted), reader.frames_at(wanted), strict=True):
            np.testing.assert_array_equal(frame, expected)


def test_several_iterators_at_the_same_time(reader):
    for (early, _), (late, _) in zip(reader.frames_at(range(30)), reader.frames_at(range(30)), strict=True):
        np.testing.assert_array_equal(early, late)


# --- sources ----------------------------------------------------------------------------------------------------------

SOURCES: dict[str, Callable[[Path], object]] = {
    "text": str,
    "path": Path,
    "bytes": Path.read_bytes,
    "memory": lambda path: io.BytesIO(path.read_bytes()),
    "file": lambda path: path.open("rb"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_sources(kind, clip):
    source = SOURCES[kind](clip)
    video = read_video(source, num_frames=7)
    np.testing.assert_array_equal(video.frames, read_video(clip, num_frames=7).frames)
    if hasattr(source, "close"):
        assert not source.closed  # the caller owns it
        source.close()


def test_name_with_a_colon(clip, tmp_path):
    path = tmp_path / "http:clip.mp4"
    path.write_bytes(clip.read_bytes())
    assert read_video(path, num_frames=2).total_frames == 80


def test_neither_path_nor_bytes():
    with pytest.raises(TypeError, match="int"):
        VideoReader(3)


# --- sampling ---------------------------------------------------------------------------------------------------------


def test_read_video(clip):
    video = read_video(clip, num_frames=5, size=(32, 48))
    assert video.frames.shape == (5, 32, 48, 3)
    assert video.frame_indices.tolist() == [0, 20, 39, 59, 79]
    np.testing.assert_allclose(video.seconds, [0, 2.0, 3.9, 5.9, 7.9])
    assert (video.total_frames, video.height, video.width) == (80, 64, 96)
    assert video.duration_seconds == pytest.approx(8) and video.average_fps == pytest.approx(10)
    assert "5, 32, 48, 3" in repr(video)


def test_a_short_clip_gives_all_its_frames(tmp_path):
    path = draw_clip(tmp_path / "short.mp4", seconds=0.3)
    assert read_video(path, num_frames=96).frame_indices.tolist() == [0, 1, 2]


def test_fps_and_max_frames(clip):
    assert len(read_video(clip, fps=2).frames) == 16
    assert len(read_video(clip, fps=2, max_frames=5).frames) == 5
    assert len(read_video(clip, max_frames=9).frames) == 9


def test_key_frame_sample(clip):
    assert read_video(clip, num_frames=3, seek_mode="keyframe").frame_indices.tolist() == [0, 36, 72]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"num_frames": 8, "fps": 2}, "num_frames=8 and fps=2"),
        ({"num_frames": 0}, "got 0"),
        ({"num_frames": 900, "max_frames": 32}, "num_frames=900 is more than max_frames=32"),
    ],
)
def test_wrong_sampling_is_reported_before_the_file_is_opened(options, named):
    with pytest.raises(ValueError, match=named):
        read_video("no such file.mp4", **options)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"frame_indices": [80]}, "80"),
        ({"frame_indices": [-1]}, "-1"),
        ({"frame_indices": [0], "seek_mode": "fast"}, "'fast'"),
        ({"frame_indices": [0], "seconds": [0.0]}, "either"),
        ({}, "either"),
        ({"frame_indices": [0], "size": (0, 10)}, r"\(0, 10\)"),
    ],
)
def test_wrong_requests_are_reported_at_once(reader, request_, named):
    with pytest.raises(ValueError, match=named):
        reader.frames_at(**request_)  # the iterator is never started


def test_wrong_number_of_decoders(clip):
    with pytest.raises(ValueError, match="num_decoders must be positive, got 0"):
        VideoReader(clip, num_decoders=0)


# --- files that are not videos ----------------------------------------------------------------------------------------


def check_refused(path: Path, cause: str) -> None:
    with pytest.raises(VideoReadError, match=cause) as error:
        VideoReader(path)
    assert isinstance(error.value, OSError)
    assert str(path) in str(error.value)


def test_missing_file(tmp_path):
    check_refused(tmp_path / "missing.mp4", "does not exist")


def test_folder(tmp_path):
    check_refused(tmp_path, "is not a file")


def test_empty_file(tmp_path):
    (tmp_path / "empty.mp4").touch()
    check_refused(tmp_path / "empty.mp4", "is empty")


def test_text_file(tmp_path):
    (tmp_path / "text.mp4").write_text("This is no video.\n" * 100)
    check_refused(tmp_path / "text.mp4", "not a readable video")


def test_sound_alone(tmp_path):
    check_refused(draw_audio(tmp_path / "sound.mp4"), "no video stream")


def test_not_one_frame(clip, tmp_path):
    """All pictures are overwritten; the description of the file is whole."""
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") if data.index(b"moov") > start else len(data)
    data[start:end] = bytes(end - start)
    (tmp_path / "blank.mp4").write_bytes(data)
    check_refused(tmp_path / "blank.mp4", "not one frame could be decoded")


@pytest.mark.parametrize("playlist", ["#EXTM3U\n#EXTINF:8,\n{clip}\n", "ffconcat version 1.0\nfile '{clip}'\n"])
@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4"])
def test_playlists_reach_no_other_file(playlist, name, clip, tmp_path):
    (tmp_path / name).write_text(playlist.format(clip=clip))
    check_refused(tmp_path / name, "not a readable video")


def test_without_pyav(clip, monkeypatch):
    monkeypatch.setattr("processing_fila.reader_source.av", None)
    with pytest.raises(ImportError, match="pip install 'av>=17.1'"):
        VideoReader(clip)


def test_pyav_is_too_old(clip, monkeypatch):
    monkeypatch.setattr("processing_fila.reader_source.av.__version__", "16.1.0")
    with pytest.raises(ImportError, match="needs PyAV >= 17.1, and this is 16.1.0"):
        VideoReader(clip)


# --- reading ahead ----------------------------------------------------------------------------------------------------


def test_reading_ahead_is_bounded(clip, monkeypatch):
    """Decoders wait while no frames are taken, and end when the iterator is closed."""
    monkeypatch.setattr("processing_fila.reader.LOOKAHEAD_BYTES", 3 * 64 * 96 * 3)
    painted, num_threads = [], threading.active_count()
    paint = "processing_fila.reader_picture.FramePainter.paint"
    monkeypatch.setattr(paint, lambda self, frame: painted.append(frame.pts) or np.zeros((64, 96, 3), np.uint8))
    with VideoReader(clip, num_decoders=2) as reader:
        frames = reader.frames_at(range(80))
        next(frames)
        settled = -1
        while settled != len(painted):  # until no more frames are painted
            settled = len(painted)
            time.sleep(0.2)
        assert settled <= 1 + 2 * (3 + 1)  # one taken; for each decoder, three that wait and one in work
        frames.close()
    assert threading.active_count() == num_threads


def test_an_abandoned_iterator_leaves_no_threads(clip):
    num_threads = threading.active_count()
    with VideoReader(clip) as reader:
        for _ in range(5):
            next(reader.frames_at(range(80)))
    assert threading.active_count() == num_threads


def test_an_error_while_decoding_reaches_the_caller(clip, monkeypatch):
    def fail(self, frame):
        raise MemoryError("no room for a picture")

    monkeypatch.setattr("processing_fila.reader_picture.FramePainter.paint", fail)
    with VideoReader(clip) as reader, pytest.raises(MemoryError, match="no room"):
        list(reader.frames_at([0, 79]))


def test_a_data_url_is_read_like_its_bytes(tmp_path):
    clip = draw_clip(tmp_path / "clip.mp4", seconds=2)
    url = f"data:video/mp4;base64,{base64.b64encode(clip.read_bytes()).decode()}"
    expected = read_video(clip, num_frames=4)
    for form in (url, url.replace("data:video/mp4;base64", "DATA:;BASE64")):
        video = read_video(form, num_frames=4)
        assert np.array_equal(video.frames, expected.frames) and np.array_equal(video.seconds, expected.seconds)


@pytest.mark.parametrize("url", ["data:video/mp4;base64,not base64!", "data:video/mp4,AAAA", "data:"])
def test_a_data_url_that_is_not_base64_is_refused_in_few_words(url):
    with pytest.raises(VideoReadError, match="The data URL .* cannot be read") as error:
        read_video(url)
    assert len(str(error.value)) < 200

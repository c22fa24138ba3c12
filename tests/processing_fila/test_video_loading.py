"""Each video of a call is loaded once, and what is the same is known from then on."""

import io
import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch

from fila_video.conversion import write_scratch_checkpoint
from processing_fila import FilaVideoProcessor, FilaVideoVideoProcessor, video_input, video_loading
from processing_fila.loaded_video import LoadedVideo
from tests.clips import draw_clip


FRAMES = np.arange(6 * 8 * 8 * 3, dtype=np.uint8).reshape(6, 8, 8, 3)
TIMES = {"frame_seconds": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]}


@pytest.fixture
def clip(tmp_path):
    return draw_clip(tmp_path / "clip.mp4", seconds=3, fps=4)


@pytest.fixture
def opened(monkeypatch):
    """What has been opened so far."""
    opened, reader = [], video_loading.VideoReader
    monkeypatch.setattr(video_loading, "VideoReader", lambda video, **_: opened.append(video) or reader(video))
    return opened


def load(videos, **options) -> list[LoadedVideo]:
    return FilaVideoVideoProcessor(num_frames=3, size={"height": 8, "width": 8}).load_videos(videos, **options)


@pytest.mark.parametrize("form", [str, lambda path: path, lambda path: path.read_bytes()], ids=["str", "path", "bytes"])
def test_equal_files_are_opened_once_and_are_one_video(clip, opened, form):
    first, second, third = load([form(clip), form(clip), form(clip)])
    assert len(opened) == 1
    assert first is second is third and first.metadata is second.metadata


def test_one_file_object_is_one_video_and_two_are_two(clip, opened):
    file, other = io.BytesIO(clip.read_bytes()), io.BytesIO(clip.read_bytes())
    first, second, third = load([file, other, file])
    assert len(opened) == 2
    assert first is third and first is not second
    assert torch.equal(first.frames, second.frames)


@pytest.mark.parametrize("frames", [FRAMES, torch.from_numpy(FRAMES), list(FRAMES)], ids=["array", "tensor", "list"])
def test_the_same_frames_are_one_video_unless_something_else_is_said_of_them(frames):
    first, second = load([frames, frames])
    assert first.metadata is second.metadata
    first, second = load([frames, frames], video_metadata=[TIMES, TIMES])
    assert first.metadata is second.metadata
    first, second = load([frames, frames], video_metadata=[TIMES, {"fps": 2.0}])
    assert first.metadata is not second.metadata
    assert (first.metadata.timestamps, second.metadata.timestamps) == ([0.0, 2.0, 5.0], [0.0, 1.0, 2.5])


def test_equal_frames_in_two_objects_are_two_videos():
    first, second = load([FRAMES, FRAMES.copy()])
    assert first.metadata is not second.metadata
    first, second = load(np.stack([FRAMES, FRAMES]))
    assert first.metadata is not second.metadata


def test_a_loaded_video_is_taken_as_it_is(clip, opened):
    loaded = load([clip, clip])
    again = load(loaded, num_frames=1)
    assert len(opened) == 1 and [video is other for video, other in zip(loaded, again, strict=True)] == [True, True]


def test_a_loaded_video_can_be_sent_to_another_process(clip):
    (video,) = load(clip)
    copy = pickle.loads(pickle.dumps(video))
    assert torch.equal(copy.frames, video.frames) and copy.metadata == video.metadata
    assert type(copy.frames) is torch.Tensor


def test_a_call_of_the_processor_opens_each_file_once(clip, opened, tmp_path):
    write_scratch_checkpoint("tiny", tmp_path / "tiny")
    processor = FilaVideoProcessor.from_pretrained(tmp_path / "tiny")
    inputs = processor(text=["<video>What?", "<video>Where?"], videos=[clip, clip], return_metadata=True, padding=True)
    assert opened == [clip]
    first, second = inputs["video_metadata"]
    assert first is second


def test_a_loaded_video_among_others_keeps_its_times(clip):
    (loaded,) = load([FRAMES], video_metadata=[TIMES])
    first, second = load([loaded, clip])
    assert first is loaded and first.metadata.timestamps == [0.0, 2.0, 5.0]
    assert len(second) == 3


def test_what_is_computed_from_a_loaded_video_is_an_ordinary_tensor(clip):
    (video,) = load(clip)
    for derived in (video[:2], video.float(), torch.stack([video, video]), video + 1):
        assert type(derived) is torch.Tensor
    copy = deepcopy(video)
    assert type(copy) is LoadedVideo and copy.metadata == video.metadata and copy.metadata is not video.metadata
    assert torch.equal(copy.frames, video.frames)


def test_a_list_of_pictures_is_stacked_once(monkeypatch, tmp_path):
    stacked, stack = [], video_input.stack_frames
    monkeypatch.setattr(video_input, "stack_frames", lambda frames: stacked.append(frames) or stack(frames))
    write_scratch_checkpoint("tiny", tmp_path / "tiny")
    processor = FilaVideoProcessor.from_pretrained(tmp_path / "tiny")
    processor(text="<video>What?", videos=list(FRAMES), video_metadata=TIMES)
    assert len(stacked) == 1


def test_options_of_the_reader_reach_it(monkeypatch, clip):
    """Those of the call, or else those of the processor; what nobody sets is left to the reader."""
    given = []
    reader = video_loading.VideoReader
    monkeypatch.setattr(video_loading, "VideoReader", lambda video, **options: given.append(options) or reader(video))
    processor = FilaVideoVideoProcessor(size={"height": 8, "width": 8})
    processor.load_videos(str(clip))
    processor.load_videos(
        str(clip), url_timeout_seconds=5, url_policy="public_only", max_pixels=10**6, on_damage="error"
    )
    processor = FilaVideoVideoProcessor(
        size={"height": 8, "width": 8}, url_max_bytes=1000, url_total_seconds=60.0, max_seconds=50.0
    )
    processor(str(clip), url_total_seconds=7, return_tensors="pt")
    assert given == [
        {},
        {"url_timeout_seconds": 5, "url_policy": "public_only", "max_pixels": 10**6, "on_damage": "error"},
        {"url_total_seconds": 7, "url_max_bytes": 1000, "max_seconds": 50.0},
    ]
    with pytest.raises(TypeError, match="url_speed is not an argument"):
        processor.load_videos(str(clip), url_speed=1)


def test_options_of_the_reader_are_saved_only_if_they_are_set(tmp_path):
    FilaVideoVideoProcessor(url_max_bytes=1000).save_pretrained(tmp_path)
    assert FilaVideoVideoProcessor.from_pretrained(tmp_path).url_max_bytes == 1000
    assert "url_policy" not in (tmp_path / "video_preprocessor_config.json").read_text()

"""The forms in which videos may come."""

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from processing_fila import video_input
from processing_fila.video_input import is_video_file, stack_frames


FRAMES = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
PICTURES = [Image.fromarray(frame) for frame in FRAMES]
CHANNELS_FIRST = FRAMES.transpose(0, 3, 1, 2)


def flatten_videos(videos) -> list:
    return [video.content for video in video_input.flatten_videos(videos)]


@pytest.mark.parametrize("video", ["a.mp4", Path("a.mp4"), b"abc", bytearray(b"abc"), memoryview(b"abc"), io.BytesIO()])
def test_files_stay_as_they_are(video):
    assert is_video_file(video)
    assert flatten_videos(video) == [video]
    assert flatten_videos([[video], [video]]) == [video, video]


@pytest.mark.parametrize(
    "video, expected",
    [
        (FRAMES, FRAMES),
        (torch.from_numpy(FRAMES), FRAMES),
        (CHANNELS_FIRST, CHANNELS_FIRST),
        (PICTURES, FRAMES),
        (tuple(PICTURES), FRAMES),
        (list(FRAMES), FRAMES),
        (list(torch.from_numpy(CHANNELS_FIRST.copy())), CHANNELS_FIRST),
        ([PICTURES[0], FRAMES[1]], FRAMES),
    ],
    ids=["array", "tensor", "channels_first", "pictures", "tuple", "arrays", "tensors", "picture_and_array"],
)
def test_one_video_of_frames(video, expected):
    (flat,) = flatten_videos(video)
    assert np.array_equal(np.asarray(flat), expected)
    (nested,) = flatten_videos([[video]])
    assert np.array_equal(np.asarray(nested), expected)


@pytest.mark.parametrize(
    "videos", [np.stack([FRAMES, FRAMES]), [FRAMES, torch.from_numpy(FRAMES)], [[PICTURES], [FRAMES]]]
)
def test_two_videos(videos):
    flat = flatten_videos(videos)
    assert len(flat) == 2
    assert all(np.array_equal(np.asarray(video), FRAMES) for video in flat)


@pytest.mark.parametrize("frames", [FRAMES[::-1, :, ::-1], np.broadcast_to(FRAMES[0], (2, 4, 5, 3))])
def test_arrays_that_torch_cannot_share(frames):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(flatten_videos(frames)[0], frames)
        assert np.array_equal(flatten_videos(list(frames))[0], frames)


@pytest.mark.parametrize(
    "video, content",
    [
        ({"path": "a.mp4", "bytes": None}, "a.mp4"),
        ({"path": "a.mp4"}, "a.mp4"),
        ({"path": None, "bytes": b"abc"}, b"abc"),
        ({"path": "a.mp4", "bytes": b"abc"}, b"abc"),
    ],
)
def test_a_file_as_datasets_stores_it(video, content):
    assert flatten_videos([video, video]) == [content, content]


def test_conversations_without_a_video_add_none():
    assert flatten_videos([[], ["a.mp4"], []]) == ["a.mp4"]


@pytest.mark.parametrize(
    "mode, colour, rgb",
    [
        ("L", 90, (90, 90, 90)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", (40, 255), (40, 40, 40)),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0)),
    ],
)
def test_pictures_of_any_mode_are_frames_in_rgb(mode, colour, rgb):
    stacked = stack_frames([Image.new(mode, (5, 4), colour)] * 2)
    assert stacked.shape == (2, 4, 5, 3)
    assert torch.equal(stacked.unique(dim=2)[0, 0, 0], torch.tensor(rgb, dtype=torch.uint8))


@pytest.mark.parametrize(
    "videos, message",
    [
        (None, "got NoneType"),
        (3, "got int"),
        ([["a.mp4", 3]], "got int"),
        ({"path": "a.mp4", "rate": 3}, "got dict"),
        (PICTURES[0], "A video is a path.*got Image"),
        (FRAMES[0], r"4 dimensions.*shape \(4, 5, 3\)"),
        (FRAMES[:0], r"shape \(0, 4, 5, 3\) has no frame"),
        (np.zeros((1, 0, 5, 3)), r"shape \(1, 0, 5, 3\) has no frame"),
        (np.zeros((2, 0, 4, 5, 3)), r"shape \(2, 0, 4, 5, 3\) has no frame"),
        ([FRAMES[0], FRAMES[1, :2]], r"same size.*\(2, 5, 3\).*\(4, 5, 3\)"),
    ],
)
def test_what_is_no_video_is_refused(videos, message):
    with pytest.raises(ValueError, match=message):
        flatten_videos(videos)

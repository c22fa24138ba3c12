"""Videos in every form -> normalized frames, compared with transformers' own processors, Pillow and PyAV."""

import io
import logging
import os
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from transformers import LlavaOnevisionVideoProcessor
from transformers.utils import logging as transformers_logging
from transformers.video_utils import VideoMetadata

from processing_fila import FilaVideoVideoProcessor, VideoReadError
from tests.clips import draw_audio, draw_clip, draw_frames


SIZE = {"height": 16, "width": 16}
# 20 frames of 48 x 64 with edges, and where each of them lies.
FRAMES = np.stack(list(draw_frames(20, size=(48, 64))))
TEN_FPS = {"fps": 10}


@pytest.fixture(scope="module")
def process() -> FilaVideoVideoProcessor:
    return FilaVideoVideoProcessor(size=SIZE, num_frames=4)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 seconds at 10 fps, 40 frames of 48 x 64, without loss and with a key frame at every 8th."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return draw_clip(
        path, seconds=4, fps=10, size=(48, 64), gop_size=8, codec_options={"crf": "0", "sc_threshold": "0"}
    )


def decode_with_pyav(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def numbered_frames(count: int) -> np.ndarray:
    """(count, 8, 8, 3) frames whose pixels are their number."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 8, 8, 3))


def numbers_of(features) -> list[list[int]]:
    """The numbers of the frames in processed `numbered_frames`, read back from the pixels."""
    levels = (features["pixel_values_videos"].mean(dim=(2, 3, 4)) * 0.5 + 0.5) * 255
    return [
        row[mask.bool()].round().int().tolist() for row, mask in zip(levels, features["video_frame_mask"], strict=True)
    ]


# What comes out


def test_defaults_are_those_of_the_paper_and_of_siglip():
    processor = FilaVideoVideoProcessor()
    assert (processor.num_frames, processor.fps, processor.max_frames) == (96, None, 768)
    assert (processor.size["height"], processor.size["width"]) == (384, 384)
    assert tuple(processor.image_mean) == tuple(processor.image_std) == (0.5, 0.5, 0.5)
    assert processor.resample == Image.Resampling.BICUBIC
    assert processor.do_sample_frames and processor.do_resize and processor.do_normalize and processor.do_convert_rgb


@pytest.mark.parametrize("size", [SIZE, {"height": 96, "width": 80}, {"shortest_edge": 24}], ids=str)
def test_pixels_equal_those_of_llava_onevision_with_siglips_mean(size):
    peer = LlavaOnevisionVideoProcessor(size=size, image_mean=[0.5] * 3, image_std=[0.5] * 3, do_sample_frames=False)
    expected = peer(FRAMES, return_tensors="pt")["pixel_values_videos"]
    features = FilaVideoVideoProcessor(size=size)(FRAMES, return_tensors="pt")
    assert features["pixel_values_videos"].dtype == torch.float32
    torch.testing.assert_close(features["pixel_values_videos"], expected, rtol=0, atol=1e-6)


def test_frames_in_memory_are_resized_as_by_pillow(process):
    expected = [np.asarray(Image.fromarray(frame).resize((16, 16), Image.Resampling.BICUBIC)) for frame in FRAMES]
    pixels = process(FRAMES, num_frames=20)["pixel_values_videos"][0].permute(0, 2, 3, 1)
    levels = (pixels * 0.5 + 0.5) * 255
    assert np.abs(levels.numpy() - np.stack(expected)).max() <= 1.01


def test_frames_of_a_file_are_those_that_pyav_decodes(process, clip):
    decoded = decode_with_pyav(clip)
    pixels = process(clip, num_frames=40, do_resize=False)["pixel_values_videos"][0].permute(0, 2, 3, 1)
    levels = ((pixels * 0.5 + 0.5) * 255).numpy()
    assert levels.shape == decoded.shape == (40, 48, 64, 3)
    assert np.abs(levels - decoded).mean() < 2  # swscale's ways from YUV to RGB differ by a rounding


def test_frames_of_a_file_are_resized_as_by_pillow(process, clip):
    decoded = decode_with_pyav(clip)
    expected = [np.asarray(Image.fromarray(frame).resize((16, 16), Image.Resampling.BICUBIC)) for frame in decoded]
    pixels = process(clip, num_frames=40)["pixel_values_videos"][0].permute(0, 2, 3, 1)
    levels = ((pixels * 0.5 + 0.5) * 255).numpy()
    assert np.abs(levels - np.stack(expected)).mean() < 3


def test_tensors_of_numpy(process):
    features = process([FRAMES, FRAMES[:2]], return_tensors="np")
    assert isinstance(features["pixel_values_videos"], np.ndarray) and isinstance(
        features["video_frame_mask"], np.ndarray
    )
    assert features["pixel_values_videos"].shape == (2, 4, 3, 16, 16)


def test_unequal_videos_are_padded_with_zeros_and_masked(process):
    short, long = numbered_frames(2), numbered_frames(9)
    features = process([short, long, short[:1]], return_tensors="pt")
    assert features["pixel_values_videos"].shape == (3, 4, 3, 16, 16)
    assert features["video_frame_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    assert not features["pixel_values_videos"][0, 2:].any() and not features["pixel_values_videos"][2, 1:].any()
    alone = process(short)["pixel_values_videos"]
    torch.testing.assert_close(features["pixel_values_videos"][0, :2], alone[0], rtol=0, atol=0)


def test_videos_of_unequal_pictures_go_together(process):
    features = process([FRAMES, FRAMES[:, :20, :30], FRAMES.transpose(0, 2, 1, 3)])
    assert features["pixel_values_videos"].shape == (3, 4, 3, 16, 16)


# Forms of videos


@pytest.mark.parametrize("form", ["path", "str", "bytes", "bytearray", "file_in_memory", "open_file", "list", "nested"])
def test_a_file_in_any_form_is_the_same_video(process, clip, form):
    data = clip.read_bytes()
    with open(clip, "rb") as file:
        forms = {
            "path": clip,
            "str": os.fspath(clip),
            "bytes": data,
            "bytearray": bytearray(data),
            "file_in_memory": io.BytesIO(data),
            "open_file": file,
            "list": [clip],
            "nested": [[clip]],
        }
        features = process(forms[form], return_metadata=True)
        assert not file.closed, "an open file belongs to the caller"
    expected = process(str(clip), return_metadata=True)
    assert torch.equal(features["pixel_values_videos"], expected["pixel_values_videos"])
    assert features["video_metadata"] == expected["video_metadata"]


FORMS_OF_FRAMES = {
    "channels_first": FRAMES.transpose(0, 3, 1, 2),
    "tensor": torch.from_numpy(FRAMES),
    "tensor_channels_first": torch.from_numpy(FRAMES).permute(0, 3, 1, 2),
    "batch": FRAMES[None],
    "batch_tensor": torch.from_numpy(FRAMES)[None],
    "pictures": [Image.fromarray(frame) for frame in FRAMES],
    "list_of_arrays": list(FRAMES),
    "list_of_tensors": list(torch.from_numpy(FRAMES).permute(0, 3, 1, 2)),
    "list": [FRAMES],
    "nested": [[], [[Image.fromarray(frame) for frame in FRAMES]]],
    "transparent": [Image.fromarray(frame).convert("RGBA") for frame in FRAMES],
}


@pytest.mark.parametrize("form", FORMS_OF_FRAMES)
def test_frames_in_any_form_are_the_same_video(process, form):
    features = process(FORMS_OF_FRAMES[form])
    expected = process(FRAMES)
    assert torch.equal(features["pixel_values_videos"], expected["pixel_values_videos"])
    assert features["video_frame_mask"].tolist() == [[1, 1, 1, 1]]


def test_a_batch_of_five_dimensions_is_several_videos(process):
    features = process(np.stack([FRAMES, FRAMES[::-1]]))
    assert features["pixel_values_videos"].shape == (2, 4, 3, 16, 16)
    assert torch.equal(features["pixel_values_videos"][0], features["pixel_values_videos"][1].flip(0))


def test_grey_pictures_keep_their_number(process):
    features = process([Image.new("L", (20, 20), level) for level in (0, 100, 200)], return_tensors="pt")
    assert numbers_of(features) == [[0, 100, 200]]


def test_files_and_frames_go_together(process, clip):
    features = process([clip, FRAMES], return_metadata=True)
    assert features["pixel_values_videos"].shape == (2, 4, 3, 16, 16)
    assert [metadata.video_backend for metadata in features["video_metadata"]] == ["pyav", None]


# Which frames


@pytest.mark.parametrize(
    "total, num_frames, expected",
    [
        (21, 5, [0, 5, 10, 15, 20]),
        (10, 2, [0, 9]),
        (9, 1, [4]),
        (7, 4, [0, 2, 4, 6]),
        (3, 8, [0, 1, 2]),
        (1, 96, [0]),
    ],
)
def test_even_frames_with_the_first_and_the_last(process, total, num_frames, expected):
    assert numbers_of(process(numbered_frames(total), num_frames=num_frames)) == [expected]


def test_a_file_gives_even_frames_with_the_first_and_the_last(process, clip):
    metadata = process(clip, num_frames=4, return_metadata=True)["video_metadata"][0]
    assert metadata.frames_indices == [0, 13, 26, 39]
    assert metadata.timestamps == pytest.approx([0, 1.3, 2.6, 3.9], abs=1e-3)


@pytest.mark.parametrize("num_frames", [40, 41, 500])
def test_a_file_with_fewer_frames_gives_all_it_has(process, clip, num_frames):
    features = process(clip, num_frames=num_frames, return_metadata=True)
    assert features["video_metadata"][0].frames_indices == list(range(40))
    assert features["video_frame_mask"].tolist() == [[1] * 40]


@pytest.mark.parametrize(
    "fps, max_frames, expected", [(2, None, 8), (0.5, None, 2), (2, 5, 5), (1000, None, 40), (0.01, None, 1)]
)
def test_fps_up_to_max_frames(process, clip, fps, max_frames, expected):
    frames = np.zeros((40, 8, 8, 3), dtype=np.uint8)
    features = process([clip, frames], fps=fps, max_frames=max_frames, video_metadata=[None, TEN_FPS])
    assert features["video_frame_mask"].sum(dim=1).tolist() == [expected, expected]


def test_max_frames_caps_the_default_number_but_not_a_number_asked_for(process, clip):
    assert process(clip, max_frames=3)["video_frame_mask"].tolist() == [[1, 1, 1]]
    with pytest.raises(ValueError, match="num_frames=5 is more than max_frames=3"):
        process(clip, num_frames=5, max_frames=3)


def test_frames_are_even_in_time_where_they_are_not_even_in_number(process):
    # 10 frames within the first second, then one frame a second: even in time are those at 0, 3, 6 and 9 s.
    seconds = [*np.arange(10) / 10, *range(1, 10)]
    features = process(numbered_frames(19), video_metadata={"frame_seconds": seconds}, return_metadata=True)
    assert numbers_of(features) == [[0, 12, 15, 18]]
    metadata = features["video_metadata"][0]
    assert metadata.frames_indices == [0, 12, 15, 18] and metadata.timestamps == [0, 3, 6, 9]


def test_every_frame_without_sampling(process, clip):
    assert numbers_of(process(numbered_frames(9), do_sample_frames=False)) == [list(range(9))]
    features = process(clip, do_sample_frames=False, return_metadata=True)
    assert features["video_metadata"][0].frames_indices == list(range(40))
    always = FilaVideoVideoProcessor(size=SIZE, do_sample_frames=False)
    assert numbers_of(always(numbered_frames(9))) == [list(range(9))]
    assert numbers_of(always(numbered_frames(9), num_frames=3)) == [[0, 4, 8]]


@pytest.mark.parametrize("form", ["file", "frames"])
def test_every_frame_is_too_many(process, clip, form):
    video = {"file": clip, "frames": numbered_frames(40)}[form]
    with pytest.raises(ValueError, match="40 frames, more than max_frames=30.*do_sample_frames=False"):
        process(video, do_sample_frames=False, max_frames=30)


def test_key_frames(process, clip):
    metadata = process(clip, num_frames=3, seek_mode="keyframe", return_metadata=True)["video_metadata"][0]
    assert metadata.frames_indices == [0, 16, 32]  # the multiples of 8 nearest to 0, 20 and 39; 16 is before 24
    assert metadata.timestamps == pytest.approx([0, 1.6, 3.2], abs=1e-3)


# What is known of them


def test_metadata_of_a_file(process, clip):
    metadata = process(clip, return_metadata=True)["video_metadata"][0]
    assert isinstance(metadata, VideoMetadata)
    assert (metadata.total_num_frames, metadata.height, metadata.width) == (40, 48, 64)
    assert metadata.fps == pytest.approx(10, rel=1e-3) and metadata.duration == pytest.approx(4, abs=0.01)


def test_metadata_only_where_it_is_asked_for(process, clip):
    assert set(process(clip)) == {"pixel_values_videos", "video_frame_mask"}
    assert set(process(clip, return_metadata=True)) == {"pixel_values_videos", "video_frame_mask", "video_metadata"}


@pytest.mark.parametrize(
    "given, indices, timestamps, duration",
    [
        ({"fps": 10}, [0, 9], [0, 0.9], 1.0),
        (VideoMetadata(total_num_frames=10, fps=5), [0, 9], [0, 1.8], 2.0),
        ({"fps": 10, "frames_indices": range(0, 100, 10)}, [0, 90], [0, 9], 9.1),
        ({"fps": 10, "frames_indices": range(0, 100, 10), "total_num_frames": 100}, [0, 90], [0, 9], 10.0),
        ({"frame_seconds": np.arange(10) / 2}, [0, 9], [0, 4.5], 5.0),
        ({"frame_seconds": np.arange(10) / 2, "duration": 7.0}, [0, 9], [0, 4.5], 7.0),
    ],
)
def test_metadata_of_the_frames_that_were_sampled(process, given, indices, timestamps, duration):
    features = process(numbered_frames(10), num_frames=2, video_metadata=given, return_metadata=True)
    metadata = features["video_metadata"][0]
    assert metadata.frames_indices == indices
    assert metadata.timestamps == pytest.approx(timestamps)
    assert metadata.duration_seconds == pytest.approx(duration)


# Arguments


@pytest.mark.parametrize("form", ["file", "frames"])
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_frames": 0}, "num_frames must be positive, got 0"),
        ({"num_frames": -4}, "num_frames must be positive, got -4"),
        ({"num_frames": 8, "fps": 2}, "num_frames=8 and fps=2"),
        ({"fps": 0}, "fps must be positive and finite, got 0"),
        ({"fps": float("nan")}, "fps must be positive and finite, got nan"),
        ({"max_frames": 0}, "max_frames must be positive, got 0"),
        ({"do_sample_frames": False, "num_frames": 8}, "do_sample_frames=False.*num_frames=8"),
        ({"do_sample_frames": False, "fps": 2}, "do_sample_frames=False.*fps=2"),
    ],
)
def test_sampling_that_cannot_be(process, clip, form, arguments, message):
    video, metadata = {"file": (clip, None), "frames": (numbered_frames(9), TEN_FPS)}[form]
    with pytest.raises(ValueError, match=message):
        process(video, video_metadata=metadata, **arguments)


def test_unknown_way_to_seek(process, clip):
    with pytest.raises(ValueError, match="seek_mode.*'fastest'"):
        process(clip, seek_mode="fastest")


def test_fps_of_frames_without_times(process):
    with pytest.raises(ValueError, match="fps=2 needs the times.*source_fps.*'fps' or 'frame_seconds'.*num_frames"):
        process(FRAMES, fps=2)


def test_a_processor_cannot_have_both_a_number_and_a_rate():
    with pytest.raises(ValueError, match="num_frames=8 and fps=2"):
        FilaVideoVideoProcessor(num_frames=8, fps=2)


def test_a_call_replaces_what_the_processor_has(clip):
    by_rate = FilaVideoVideoProcessor(size=SIZE, fps=2)
    assert by_rate(clip)["video_frame_mask"].shape == (1, 8)
    assert by_rate(clip, num_frames=3)["video_frame_mask"].shape == (1, 3)
    by_number = FilaVideoVideoProcessor(size=SIZE, num_frames=3)
    assert by_number(clip)["video_frame_mask"].shape == (1, 3)
    assert by_number(clip, fps=2)["video_frame_mask"].shape == (1, 8)


# Saving and loading


@pytest.mark.parametrize(
    "saved", [{"num_frames": 12}, {"fps": 0.5, "max_frames": 20}, {"seek_mode": "keyframe"}], ids=str
)
def test_saved_and_loaded(tmp_path, saved):
    FilaVideoVideoProcessor(size=SIZE, **saved).save_pretrained(tmp_path)
    loaded = FilaVideoVideoProcessor.from_pretrained(tmp_path)
    arguments = {name: value for name, value in loaded.to_dict().items() if name != "auto_map"}
    assert arguments == FilaVideoVideoProcessor(size=SIZE, **saved).to_dict()
    for name, value in saved.items():
        assert getattr(loaded, name) == value


@pytest.mark.parametrize("saved", [{"num_frames": 12}, {"fps": 0.5}], ids=str)
@pytest.mark.parametrize(
    "given, expected", [({"fps": 2}, 8), ({"num_frames": 5}, 5), ({"fps": 2, "num_frames": None}, 8)]
)
def test_loading_replaces_what_was_saved(tmp_path, clip, saved, given, expected):
    FilaVideoVideoProcessor(size=SIZE, **saved).save_pretrained(tmp_path)
    loaded = FilaVideoVideoProcessor.from_pretrained(tmp_path, **given)
    assert loaded(clip)["video_frame_mask"].shape == (1, expected)
    loaded.save_pretrained(tmp_path)
    again = FilaVideoVideoProcessor.from_pretrained(tmp_path)
    assert again(clip)["video_frame_mask"].shape == (1, expected)


def test_loading_with_both_a_number_and_a_rate(tmp_path):
    FilaVideoVideoProcessor().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="num_frames=8 and fps=2"):
        FilaVideoVideoProcessor.from_pretrained(tmp_path, num_frames=8, fps=2)


# Videos that are none


@pytest.fixture(scope="module")
def bad_videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("bad")
    text, empty = folder / "text.mp4", folder / "empty.mp4"
    text.write_text("This is not a video.\n" * 50)
    empty.touch()
    return {
        "missing": folder / "missing.mp4",
        "folder": folder,
        "text": text,
        "empty": empty,
        "sound": draw_audio(folder / "sound.mp4"),
        "bytes": b"This is not a video.",
        "no_bytes": b"",
        "file": io.BytesIO(b"This is not a video."),
    }


@pytest.mark.parametrize(
    "name, message",
    [
        ("missing", "missing.mp4 does not exist"),
        ("folder", "is a folder without pictures"),
        ("text", "text.mp4 is not a readable video"),
        ("empty", "empty.mp4 is empty"),
        ("sound", "sound.mp4.*no video"),
        ("bytes", "<20 bytes>"),
        ("no_bytes", "<0 bytes>"),
        ("file", "<BytesIO> is not a readable video"),
    ],
)
def test_a_file_that_is_no_video_is_one_error_and_leaves_nothing_open(process, clip, bad_videos, name, message):
    process(clip)  # whatever is opened once and for all
    before = len(os.listdir("/dev/fd"))
    for video in (bad_videos[name], [clip, bad_videos[name]]):
        with pytest.raises(VideoReadError, match=message) as caught:
            process(video)
        assert isinstance(caught.value, OSError)
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize(
    "videos, message",
    [
        (FRAMES[:0], r"\(0, 48, 64, 3\) has no frame"),
        ([], r"videos=\[\] holds no video"),
        ([[], []], "holds no video"),
        (None, "got NoneType"),
        (FRAMES[0], r"shape \(48, 64, 3\)"),
    ],
)
def test_no_frames_are_an_error(process, videos, message):
    with pytest.raises(ValueError, match=message):
        process(videos)


def test_metadata_for_another_number_of_videos(process):
    with pytest.raises(ValueError, match="2 videos but 1 entries in video_metadata"):
        process([FRAMES, FRAMES], video_metadata=[TEN_FPS])


# Ordinary use says nothing


def test_no_warning_in_ordinary_use(clip, tmp_path, monkeypatch):
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = transformers_logging.get_logger("transformers")
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, handler])
    type(logger).warning_once.cache_clear()  # what was said before is to be said again
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        process = FilaVideoVideoProcessor(size=SIZE)
        process.save_pretrained(tmp_path)
        process = FilaVideoVideoProcessor.from_pretrained(tmp_path, fps=2.0)
        process([clip, FRAMES], video_metadata=[None, TEN_FPS], return_tensors="pt", return_metadata=True)
        process([Image.fromarray(frame) for frame in FRAMES], num_frames=4)
        process(torch.from_numpy(FRAMES), num_frames=4, max_frames=8)
    assert messages == []


def test_metadata_for_a_file_is_refused(tmp_path):
    draw_clip(tmp_path / "clip.mp4", seconds=1)
    with pytest.raises(ValueError, match="video_metadata={'fps': 5} is given for a file"):
        FilaVideoVideoProcessor()(str(tmp_path / "clip.mp4"), video_metadata=[{"fps": 5}])


def test_another_filter_than_bicubic_is_used_for_files_too(tmp_path):
    draw_clip(tmp_path / "clip.mp4", seconds=1)
    processor = FilaVideoVideoProcessor(size={"height": 40, "width": 40}, num_frames=2)
    with_file = processor(str(tmp_path / "clip.mp4"), resample=Image.Resampling.NEAREST)["pixel_values_videos"]
    native = processor(str(tmp_path / "clip.mp4"), do_resize=False, do_rescale=False, do_normalize=False)
    frames = native["pixel_values_videos"][0].to(torch.uint8)
    with_frames = processor(frames, resample=Image.Resampling.NEAREST)["pixel_values_videos"]
    assert torch.equal(with_file, with_frames)


def test_more_frames_than_the_limit_are_refused_when_the_processor_is_made():
    with pytest.raises(ValueError, match="num_frames=1000 is more than max_frames=768"):
        FilaVideoVideoProcessor(num_frames=1000)

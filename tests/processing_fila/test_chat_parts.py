"""What stands in a part of a message: names of other clients, absent values, and options of one video."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from fila_video.conversion import write_scratch_checkpoint
from processing_fila import FilaVideoProcessor
from processing_fila.chat_parts import normalize_parts
from processing_fila.reader import VideoReadError
from tests.clips import draw_clip


FRAMES = np.arange(6 * 8 * 8 * 3, dtype=np.uint8).reshape(6, 8, 8, 3)


@pytest.fixture(scope="module")
def processor(tmp_path_factory) -> FilaVideoProcessor:
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    write_scratch_checkpoint("tiny", folder)
    return FilaVideoProcessor.from_pretrained(folder)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> str:
    """8 seconds at 10 frames per second."""
    return str(draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4"))


def ask(processor, *parts, **options):
    messages = [{"role": "user", "content": [*parts, {"type": "text", "text": "What?"}]}]
    return processor.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_tensors="pt", return_metadata=True, **options
    )


def seconds_of(inputs) -> list[list[float]]:
    return [[round(second, 6) for second in metadata.timestamps] for metadata in inputs["video_metadata"]]


@pytest.mark.parametrize(
    "options, wanted",
    [
        ({"start_seconds": 2, "end_seconds": 4, "num_frames": 3}, [2.0, 3.0, 4.0]),
        ({"video_start": 2, "video_end": 4, "num_frames": 3}, [2.0, 3.0, 4.0]),
        ({"start_seconds": 6.9, "fps": 2}, [6.9, 7.9]),
        ({"end_seconds": 1, "num_frames": 2}, [0.0, 1.0]),
        ({"start_seconds": 3.03, "end_seconds": 3.07}, [3.0]),
        ({"start_seconds": 7.95}, [7.9]),
        ({"num_frames": 2}, [0.0, 7.9]),
        ({"fps": 0.25}, [0.0, 7.9]),
        ({"max_frames": 2}, [0.0, 7.9]),
        ({"max_frames": 2, "num_frames": None}, [0.0, 7.9]),
    ],
)
def test_options_of_one_video(processor, clip, options, wanted):
    first, second = ask(
        processor, {"type": "video", "video": clip, **options}, {"type": "video", "path": clip}, num_frames=4
    )["video_metadata"]
    assert [round(second, 6) for second in first.timestamps] == wanted
    assert len(second.frames_indices) == 4
    assert first.duration == pytest.approx(8) and first.total_num_frames == 80


def test_a_part_of_a_video_decodes_no_more_than_it_needs(processor, clip, monkeypatch):
    from processing_fila import reader

    planned, plan = [], reader.plan_segments
    monkeypatch.setattr(reader, "plan_segments", lambda index, wanted: planned.extend(wanted) or plan(index, wanted))
    inputs = ask(processor, {"type": "video", "video": clip, "start_seconds": 2, "end_seconds": 4})
    assert planned == list(range(20, 41))
    assert inputs["pixel_values_videos"].shape[1] == 21


def test_the_same_part_may_be_sampled_from_frames_in_memory(processor):
    part = {"type": "video", "video": FRAMES, "source_fps": 2, "start_seconds": 1, "end_seconds": 2}
    assert seconds_of(ask(processor, part)) == [[1.0, 1.5, 2.0]]
    part = {"type": "video", "video": FRAMES, "video_metadata": {"fps": 2}, "end_seconds": 0.5}
    assert seconds_of(ask(processor, part)) == [[0.0, 0.5]]


def test_frames_per_second_of_the_source_for_all_frames_in_memory(processor):
    inputs = ask(processor, {"type": "video", "video": FRAMES}, {"type": "video", "video": FRAMES + 1}, source_fps=2)
    assert seconds_of(inputs) == [[0.0, 0.5, 1.0, 1.5, 2.0, 2.5]] * 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"max_pixels": 1000}, "unknown key 'max_pixels' with the value 1000"),
        ({"nframes": 8}, "unknown key 'nframes'"),
        ({"start_seconds": 9}, "start_seconds=9 lies after the end of the video, 8.000 s"),
        ({"start_seconds": 3, "end_seconds": 2}, "end_seconds=2 comes before start_seconds=3"),
        ({"start_seconds": -1}, "start_seconds=-1 must be a time"),
        ({"end_seconds": "4"}, "end_seconds='4' must be a time"),
        ({"end_seconds": 4, "video_end": 5}, "gives end_seconds twice: 4 and 5"),
        ({"num_frames": 4, "fps": 2}, "Give num_frames or fps, not both"),
        ({"num_frames": "8"}, "num_frames='8' must be a whole number"),
        ({"num_frames": 2.5}, "num_frames=2.5 must be a whole number"),
        ({"fps": "2"}, "fps='2' must be a number"),
        ({"max_frames": True}, "max_frames=True must be a whole number"),
        ({"path": "other.mp4"}, "more than one video: video, path"),
        ({"video_metadata": {"fps": 2}}, "whose own times are read"),
    ],
)
def test_other_options_are_refused_by_name(processor, clip, options, message):
    with pytest.raises(ValueError, match=message):
        ask(processor, {"type": "video", "video": clip, **options})


def test_a_part_of_frames_without_times_is_refused(processor):
    with pytest.raises(ValueError, match="start_seconds=1 needs the times of the frames: give source_fps"):
        ask(processor, {"type": "video", "video": FRAMES, "start_seconds": 1}, timestamps="none")


@pytest.mark.parametrize(
    "part, wanted",
    [
        ({"type": "text", "text": "a", "video": None, "image": None}, {"type": "text", "text": "a"}),
        ({"type": "input_text", "text": "a"}, {"type": "text", "text": "a"}),
        ({"type": "video", "video": None, "path": "a", "fps": None}, {"type": "video", "video": "a"}),
        ({"type": "video_url", "video_url": {"url": "a"}}, {"type": "video", "video": "a"}),
        ({"type": "video_url", "video_url": "a", "fps": 2}, {"type": "video", "video": "a", "fps": 2}),
        ({"type": "input_image", "image_url": "a"}, {"type": "image", "image": "a"}),
        ({"type": "image_url", "image_url": {"url": "a"}}, {"type": "image", "image": "a"}),
        ({"type": "image", "image": None, "url": "a"}, {"type": "image", "image": "a"}),
        ({"type": "video"}, {"type": "video"}),
    ],
)
def test_parts_of_other_clients_and_absent_values(part, wanted):
    assert normalize_parts([part]) == [wanted]
    assert normalize_parts("text") == "text"


def test_absent_values_and_other_names_give_the_same_inputs(processor, clip):
    url = "data:video/mp4;base64," + base64.b64encode(open(clip, "rb").read()).decode()
    plain = ask(processor, {"type": "video", "video": clip})
    for part in (
        {"type": "video", "video": clip, "image": None, "url": None, "fps": None},
        {"type": "video_url", "video_url": {"url": url}},
        {"type": "video", "video": {"path": None, "bytes": open(clip, "rb").read()}},
    ):
        other = ask(processor, part)
        assert torch.equal(plain["input_ids"], other["input_ids"])
        assert torch.equal(plain["pixel_values_videos"], other["pixel_values_videos"])


def test_pictures_in_a_list_or_a_folder_are_one_video(processor, tmp_path):
    for number, frame in enumerate(FRAMES, start=7):  # 7 to 12: by name, 10 comes before 7
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    files = [str(tmp_path / f"{number}.png") for number in range(7, 13)]
    wanted = ask(processor, {"type": "video", "video": FRAMES}, timestamps="none")
    for video in (files, [open(file, "rb").read() for file in files], str(tmp_path), tmp_path):
        inputs = ask(processor, {"type": "video", "video": video}, timestamps="none")
        assert torch.equal(inputs["pixel_values_videos"], wanted["pixel_values_videos"])
    inputs = ask(processor, {"type": "video", "video": files}, source_fps=1, num_frames=2)
    assert seconds_of(inputs) == [[0.0, 5.0]]


def test_only_the_chosen_pictures_are_opened_and_a_bad_one_is_named(processor, tmp_path):
    for number, frame in enumerate(FRAMES):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"damaged")
    assert seconds_of(ask(processor, {"type": "video", "video": tmp_path}, num_frames=2, source_fps=1)) == [[0.0, 5.0]]
    with pytest.raises(VideoReadError, match=r"1\.png: this frame of a video cannot be read"):
        ask(processor, {"type": "video", "video": tmp_path}, source_fps=1)
    with pytest.raises(VideoReadError, match="a folder without pictures"):
        (tmp_path / "empty").mkdir()
        ask(processor, {"type": "video", "video": tmp_path / "empty"})


class Decoder:
    """The part of torchcodec's `VideoDecoder` that is used; its stream starts at 1.5 s, with uneven times."""

    metadata = SimpleNamespace(average_fps=2.0, width=8, height=8, begin_stream_seconds=1.5)

    def __len__(self):
        return len(FRAMES)

    def __getitem__(self, index):
        return torch.from_numpy(FRAMES[index]).permute(2, 0, 1)

    def get_frames_at(self, indices):
        data = torch.from_numpy(FRAMES[indices]).permute(0, 3, 1, 2)
        seconds = torch.tensor([1.5, 2.0, 2.5, 3.0, 3.75, 4.0], dtype=torch.float64)[indices]
        return SimpleNamespace(data=data, pts_seconds=seconds)


def test_a_decoder_of_torchcodec_gives_its_frames_and_real_times(processor):
    inputs = ask(processor, {"type": "video", "video": Decoder()})
    assert seconds_of(inputs) == [[0.0, 0.5, 1.0, 1.5, 2.25, 2.5]]
    wanted = ask(processor, {"type": "video", "video": FRAMES}, source_fps=2)
    assert torch.equal(inputs["pixel_values_videos"], wanted["pixel_values_videos"])
    inputs = ask(processor, {"type": "video", "video": Decoder(), "num_frames": 2, "start_seconds": 1})
    assert seconds_of(inputs) == [[1.0, 2.5]]


def test_the_messages_of_the_caller_stay_as_they_are(processor, clip):
    messages = [{"role": "user", "content": [{"type": "video", "video": clip, "fps": None}]}]
    processor.apply_chat_template(messages, tokenize=True, return_dict=True)
    assert messages == [{"role": "user", "content": [{"type": "video", "video": clip, "fps": None}]}]

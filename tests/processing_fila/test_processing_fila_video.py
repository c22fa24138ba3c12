"""Conversations about videos -> what the model takes."""

import inspect
import logging
import os
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import Qwen2Tokenizer
from transformers.utils import logging as transformers_logging

from fila_video.conversion import train_tokenizer
from processing_fila import FilaVideoMetadata, FilaVideoProcessor, FilaVideoVideoProcessor, VideoReadError
from tests.clips import draw_audio, draw_clip


SIZE = {"height": 8, "width": 8}
ONE_FPS = {"fps": 1}


@pytest.fixture(scope="module")
def tokenizer() -> Qwen2Tokenizer:
    return train_tokenizer()


@pytest.fixture(scope="module")
def processor(tokenizer) -> FilaVideoProcessor:
    return FilaVideoProcessor(FilaVideoVideoProcessor(size=SIZE), tokenizer)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 seconds at 10 fps."""
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=4, fps=10)


def frames(count: int) -> np.ndarray:
    return np.zeros((count, 8, 8, 3), dtype=np.uint8)


def ask(video: object, text: str = "What happens?") -> list[dict]:
    key = "path" if isinstance(video, (str, Path)) else "video"
    return [{"role": "user", "content": [{"type": "video", key: video}, {"type": "text", "text": text}]}]


def chat(processor: FilaVideoProcessor, messages: list, **arguments):
    return processor.apply_chat_template(
        messages, tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt", **arguments
    )


def check_equal(inputs, expected) -> None:
    assert set(inputs) == set(expected)
    for name, value in expected.items():
        assert torch.equal(inputs[name], value), name


# Placeholders and the sentence


@pytest.mark.parametrize(
    "num_frames, num_tokens", [(1, 197), (2, 393), (31, 6077), (32, 6273), (33, 6273), (96, 6273), (500, 6273)]
)
def test_a_video_is_196_tokens_a_scene_and_a_newline(processor, num_frames, num_tokens):
    inputs = processor(
        text="<video>", videos=frames(num_frames), num_frames=num_frames, video_metadata=ONE_FPS, return_tensors="pt"
    )
    assert processor.num_video_tokens(num_frames) == num_tokens
    assert (inputs["input_ids"] == processor.video_token_id).sum() == num_tokens
    assert inputs["pixel_values_videos"].shape == (1, num_frames, 3, 8, 8)


# For 1, 2, 31, 32, 33, 96 and 500 frames.
@pytest.mark.parametrize(
    "spatial_pool_mode, newline_position, expected",
    [
        ("bilinear", "grid", [210, 420, 6510, 6720, 6720, 6720, 6720]),
        ("bilinear", "frame", [197, 394, 6107, 6304, 6304, 6304, 6304]),
        ("bilinear", "one_token", [197, 393, 6077, 6273, 6273, 6273, 6273]),
        ("bilinear", "no_token", [196, 392, 6076, 6272, 6272, 6272, 6272]),
        ("average", "grid", [182, 364, 5642, 5824, 5824, 5824, 5824]),
        ("average", "frame", [170, 340, 5270, 5440, 5440, 5440, 5440]),
        ("average", "one_token", [170, 339, 5240, 5409, 5409, 5409, 5409]),
        ("max", "no_token", [169, 338, 5239, 5408, 5408, 5408, 5408]),
    ],
)
def test_tokens_of_every_pooling_and_newline(tokenizer, spatial_pool_mode, newline_position, expected):
    processor = FilaVideoProcessor(
        FilaVideoVideoProcessor(size=SIZE),
        tokenizer,
        spatial_pool_mode=spatial_pool_mode,
        newline_position=newline_position,
    )
    assert [processor.num_video_tokens(count) for count in (1, 2, 31, 32, 33, 96, 500)] == expected
    inputs = processor(text="<video>", videos=frames(33), video_metadata=ONE_FPS, return_tensors="pt")
    assert (inputs["input_ids"] == processor.video_token_id).sum() == expected[4]


def test_without_a_number_of_scenes_every_frame_counts(tokenizer):
    processor = FilaVideoProcessor(FilaVideoVideoProcessor(size=SIZE), tokenizer, num_scenes=None)
    assert [processor.num_video_tokens(count) for count in (1, 33, 500)] == [197, 33 * 196 + 1, 500 * 196 + 1]


def test_no_frames_have_no_tokens(processor):
    with pytest.raises(ValueError, match="num_frames=0 "):
        processor.num_video_tokens(0)


def test_prompt_of_a_clip(processor, clip):
    ids = chat(processor, ask(clip), num_frames=4)["input_ids"][0]
    assert processor.decode(ids) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        + "<video>" * (4 * 196 + 1)
        + "\nThis video samples 4 frames of a 4.0-second video at 0.0, 1.3, 2.6, 3.9 seconds."
        + "\nWhat happens?<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    "metadata, sentence",
    [
        ({"fps": 2}, "3 frames of a 1.5-second video at 0.0, 0.5, 1.0 seconds."),
        ({"fps": 2, "frames_indices": [0, 8, 20]}, "3 frames of a 10.5-second video at 0.0, 4.0, 10.0 seconds."),
        ({"frame_seconds": [0, 1, 5], "duration": 9}, "3 frames of a 9.0-second video at 0.0, 1.0, 5.0 seconds."),
    ],
)
def test_sentence_of_frames_with_metadata(processor, metadata, sentence):
    ids = processor(text="<video>", videos=frames(3), video_metadata=metadata)["input_ids"][0]
    assert processor.decode(ids).removeprefix("<video>" * 589) == f"\nThis video samples {sentence}"


def test_length_in_the_sentence_is_the_videos_also_when_few_frames_are_sampled(processor):
    metadata = {"frame_seconds": np.arange(100) / 10}
    ids = processor(text="<video>", videos=frames(100), num_frames=2, video_metadata=metadata)["input_ids"][0]
    assert processor.decode(ids).endswith("This video samples 2 frames of a 10.0-second video at 0.0, 9.9 seconds.")


def test_prompt_without_timestamps(processor, tokenizer):
    expected = processor.tokenizer("<video>" * 589)["input_ids"]
    assert processor(text="<video>", videos=frames(3), timestamps="none")["input_ids"] == [expected]
    silent = FilaVideoProcessor(FilaVideoVideoProcessor(size=SIZE), tokenizer, timestamps="none")
    assert silent(text="<video>", videos=frames(3))["input_ids"] == [expected]
    assert (
        len(silent(text="<video>", videos=frames(3), timestamps="sampled", video_metadata=ONE_FPS)["input_ids"][0])
        > 589
    )


def test_frames_without_times_cannot_be_put_into_the_sentence(processor):
    with pytest.raises(ValueError, match="Video 1 is given as frames without times.*'fps'.*timestamps='none'"):
        processor(text="<video><video>", videos=[frames(3), frames(3)], video_metadata=[ONE_FPS, None])


def test_times_filled_in_later_by_the_call_or_by_the_processor(processor, tokenizer):
    later = FilaVideoProcessor(FilaVideoVideoProcessor(size=SIZE), tokenizer, timestamps="selected")
    arguments = {"text": "<video>", "videos": frames(3), "video_metadata": ONE_FPS, "return_tensors": "pt"}
    expected = processor(timestamps="selected", **arguments)
    assert {"frame_time_ids", "times_are_interleaved"} < set(expected)
    check_equal(later(**arguments), expected)
    check_equal(later(timestamps=None, **arguments), expected)


@pytest.mark.parametrize("timestamps", ["all", ""])
def test_unknown_timestamps(processor, tokenizer, timestamps):
    with pytest.raises(ValueError, match=f"timestamps={timestamps!r} is unknown.*sampled"):
        FilaVideoProcessor(FilaVideoVideoProcessor(), tokenizer, timestamps=timestamps)
    with pytest.raises(ValueError, match=f"timestamps={timestamps!r} is unknown.*sampled"):
        processor(text="<video>", videos=frames(3), timestamps=timestamps)


# Batches


def test_unequal_videos_are_padded_on_the_left_and_masked(processor):
    batch = [ask(frames(2)), ask(frames(5), "Why?")]
    inputs = chat(processor, batch, processor_kwargs={"padding": True, "video_metadata": [ONE_FPS, ONE_FPS]})
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    width = inputs["input_ids"].shape[1]
    assert lengths[0] < lengths[1] == width
    assert inputs["attention_mask"].tolist() == [[0] * (width - length) + [1] * length for length in lengths]
    assert inputs["pixel_values_videos"].shape == (2, 5, 3, 8, 8)
    assert inputs["video_frame_mask"].tolist() == [[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]]
    for row, messages in enumerate(batch):
        alone = chat(processor, messages, video_metadata=ONE_FPS)["input_ids"][0]
        assert torch.equal(inputs["input_ids"][row, width - lengths[row] :], alone)


def test_videos_are_in_the_order_of_the_conversations(processor):
    two = ask(frames(1)) + [{"role": "assistant", "content": "A dog."}] + ask(frames(2))
    text_alone = [{"role": "user", "content": "Hello"}]
    batch = [two, text_alone, ask(frames(3))]
    inputs = chat(
        processor, batch, processor_kwargs={"padding": True, "video_metadata": [[ONE_FPS] * 2, [], [ONE_FPS]]}
    )
    counts = (inputs["input_ids"] == processor.video_token_id).sum(dim=1).tolist()
    assert counts == [197 + 393, 0, 589]
    assert inputs["video_frame_mask"].sum(dim=1).tolist() == [1, 2, 3]


def test_text_alone(processor):
    inputs = chat(processor, [{"role": "user", "content": "Hello"}])
    assert set(inputs) == {"input_ids", "attention_mask"}


def test_videos_alone(processor, clip):
    assert set(processor(videos=clip, num_frames=2)) == {"pixel_values_videos", "video_frame_mask"}


def test_metadata_only_where_it_is_asked_for(processor, clip):
    assert "video_metadata" not in chat(processor, ask(clip), num_frames=2)
    asked = [
        chat(processor, ask(clip), num_frames=2, return_metadata=True),
        chat(processor, ask(clip), num_frames=2, processor_kwargs={"return_metadata": True}),
        chat(processor, ask(clip), num_frames=2, processor_kwargs={"videos_kwargs": {"return_metadata": True}}),
        processor(text="<video>", videos=clip, num_frames=2, return_metadata=True, return_tensors="pt"),
        processor(text="<video>", videos=clip, num_frames=2, videos_kwargs={"return_metadata": True}),
    ]
    for inputs in asked:
        (metadata,) = inputs["video_metadata"]
        assert isinstance(metadata, FilaVideoMetadata) and metadata.frames_indices == [0, 39]


# Arguments


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_frames": 5},
        {"fps": 2},
        {"max_frames": 3},
        {"fps": 5, "max_frames": 6},
        {"num_frames": 3, "seek_mode": "keyframe"},
        {"num_frames": 3, "timestamps": "none"},
        {"do_sample_frames": False},
    ],
    ids=str,
)
def test_arguments_count_the_same_wherever_they_are_given(processor, clip, arguments):
    expected = chat(processor, ask(clip), **arguments)
    assert expected["pixel_values_videos"].shape[1] != 96
    check_equal(chat(processor, ask(clip), processor_kwargs=arguments), expected)
    check_equal(chat(processor, ask(clip), videos_kwargs=arguments), expected)
    check_equal(chat(processor, ask(clip), processor_kwargs={"videos_kwargs": arguments}), expected)
    text = processor.apply_chat_template(ask(clip), add_generation_prompt=True)
    check_equal(processor(text=text, videos=clip, return_tensors="pt", **arguments), expected)
    check_equal(processor(text=text, videos=clip, return_tensors="pt", videos_kwargs=arguments), expected)


@pytest.mark.parametrize(
    "here, there",
    [({"num_frames": 5}, {"num_frames": 7}), ({"num_frames": 5}, {"num_frames": 5}), ({"fps": 2}, {"fps": 1.5})],
    ids=str,
)
def test_an_argument_in_two_places_is_an_error_that_names_both(processor, clip, here, there):
    ((name, first),), ((_, second),) = here.items(), there.items()
    for place, arguments in {
        "processor_kwargs": {**here, "processor_kwargs": there},
        "videos_kwargs": {"processor_kwargs": {**here, "videos_kwargs": there}},
    }.items():
        message = rf"{name} is given twice: {name}={first} and {place}\['{name}'\]={second}"
        with pytest.raises(ValueError, match=message):
            chat(processor, ask(clip), **arguments)
    with pytest.raises(ValueError, match=rf"{name}={first} and videos_kwargs\['{name}'\]={second}"):
        processor(text="<video>", videos=clip, **here, videos_kwargs=there)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_frames": 8, "fps": 2},
        {"num_frames": 8, "processor_kwargs": {"fps": 2}},
        {"fps": 2, "processor_kwargs": {"videos_kwargs": {"num_frames": 8}}},
    ],
    ids=str,
)
def test_a_number_and_a_rate_are_an_error_that_names_both(processor, clip, arguments):
    with pytest.raises(ValueError, match="num_frames=8 and fps=2"):
        chat(processor, ask(clip), **arguments)


def test_number_of_frames_must_be_positive(processor, clip):
    with pytest.raises(ValueError, match="num_frames must be positive, got 0"):
        chat(processor, ask(clip), num_frames=0)


@pytest.mark.parametrize("place", ["processor_kwargs", "videos_kwargs"])
@pytest.mark.parametrize(
    "arguments, shape", [({"size": {"height": 20, "width": 12}}, (20, 12)), ({"do_resize": False}, (64, 96))], ids=str
)
def test_size_of_the_frames(processor, clip, place, arguments, shape):
    inputs = chat(processor, ask(clip), num_frames=2, **{place: arguments})
    assert inputs["pixel_values_videos"].shape == (1, 2, 3, *shape)


def test_users_arguments_are_left_as_they_are(processor, clip):
    messages, arguments = ask(clip), {"num_frames": 2, "videos_kwargs": {"max_frames": 4}}
    chat(processor, messages, processor_kwargs=arguments)
    assert messages == ask(clip)
    assert arguments == {"num_frames": 2, "videos_kwargs": {"max_frames": 4}}


# Text and videos that do not fit


@pytest.mark.parametrize(
    "text, num_videos, message",
    [
        ("What happens?", 1, "0 <video> but 1 videos"),
        ("<video> What happens?", 0, "1 <video> but 0 videos"),
        ("<video><video>", 1, "2 <video> but 1 videos"),
        (["<video>", "Hello"], 2, "1 <video> but 2 videos"),
    ],
)
def test_each_video_needs_its_placeholder(processor, text, num_videos, message):
    with pytest.raises(ValueError, match=message):
        processor(text=text, videos=[frames(2)] * num_videos or None, video_metadata=[ONE_FPS] * num_videos or None)


@pytest.mark.parametrize("videos", [[], [[]]])
def test_an_empty_list_of_videos(processor, videos):
    with pytest.raises(ValueError, match="1 <video> but 0 videos"):
        processor(text="<video>", videos=videos)


def test_a_placeholder_in_the_text_of_a_chat_is_counted(processor, clip):
    with pytest.raises(ValueError, match="2 <video> but 1 videos"):
        chat(processor, ask(clip, "What is <video>?"), num_frames=2)


@pytest.mark.parametrize("place", ["direct", "text_kwargs"])
def test_truncation_through_a_video_says_what_it_needs(processor, place):
    text = ["Hello", "<video> What happens?"]
    needed = len(processor(text=text[1], videos=frames(3), video_metadata=ONE_FPS)["input_ids"][0])
    truncation = {"truncation": True, "max_length": 100, "padding": True, "return_tensors": "pt"}
    arguments = {"direct": truncation, "text_kwargs": {"text_kwargs": truncation}}[place]
    with pytest.raises(ValueError, match=f"max_length=100 tokens.*needs {needed}") as caught:
        processor(text=text, videos=frames(3), video_metadata=ONE_FPS, **arguments)
    assert "Raise max_length" in str(caught.value)


def test_truncation_through_a_video_where_offsets_are_wanted_too(processor):
    arguments = {"truncation": True, "max_length": 100, "return_offsets_mapping": True}
    with pytest.raises(ValueError, match="max_length=100 tokens"):
        processor(text="<video>", videos=frames(3), video_metadata=ONE_FPS, **arguments)


def test_truncation_after_the_video_is_allowed(processor):
    ids = processor(text="<video> What happens?", videos=frames(3), timestamps="none", truncation=True, max_length=590)[
        "input_ids"
    ][0]
    assert len(ids) == 590 and ids.count(processor.video_token_id) == 589


def test_sound_is_refused(processor):
    with pytest.raises(ValueError, match="takes text, images and videos, not audio"):
        processor(text="Hello", audio=[np.zeros(9)])


@pytest.mark.parametrize(
    "text, images, message",
    [("Hello", [frames(1)[0]], "0 <image> but 1 images"), ("<image> What is it?", None, "1 <image> but 0 images")],
)
def test_each_image_needs_its_placeholder(processor, text, images, message):
    with pytest.raises(ValueError, match=message):
        processor(text=text, images=images)


def test_nothing_at_all(processor):
    with pytest.raises(ValueError, match="at least one input"):
        processor()


@pytest.mark.parametrize(
    "name, message", [("missing", "missing.mp4 does not exist"), ("text", "not a readable"), ("sound", "no video")]
)
def test_a_file_that_is_no_video_is_one_error_and_leaves_nothing_open(processor, clip, tmp_path, name, message):
    path = tmp_path / f"{name}.mp4"
    if name == "text":
        path.write_text("This is not a video.")
    if name == "sound":
        draw_audio(path)
    chat(processor, ask(clip), num_frames=2)
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(VideoReadError, match=message):
        chat(processor, ask(path))
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("known, unknown", [("<image>", "<video>"), ("<video>", "<image>")])
def test_a_tokenizer_that_does_not_know_a_placeholder(known, unknown):
    stranger = Qwen2Tokenizer(extra_special_tokens=[known])
    with pytest.raises(ValueError, match=f"does not know {unknown} as a token"):
        FilaVideoProcessor(FilaVideoVideoProcessor(), stranger)


@pytest.mark.parametrize(
    "arguments", [{"spatial_pool_mode": "median"}, {"newline_position": "row"}, {"num_scenes": 0}], ids=str
)
def test_a_layout_that_is_unknown(tokenizer, arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        FilaVideoProcessor(FilaVideoVideoProcessor(), tokenizer, **arguments).num_video_tokens(3)


# Scenes in seconds


def test_scenes_in_seconds_of_two_videos(processor):
    features = SimpleNamespace(
        scene_representatives=torch.tensor([[1, 3], [0, -1]]),
        scene_frame_indices=torch.tensor([[[0, 1], [2, 3]], [[0, 0], [-1, -1]]]),
    )
    metadata = [
        FilaVideoMetadata(total_num_frames=90, frames_indices=[0, 30, 60, 89], frame_seconds=[0.0, 1.1, 2.2, 3.3]),
        FilaVideoMetadata(total_num_frames=9, fps=2, frames_indices=[4]),
    ]
    assert processor.post_process_scenes(features, metadata) == [
        [
            {"representative_seconds": 1.1, "frame_seconds": [0.0, 1.1]},
            {"representative_seconds": 3.3, "frame_seconds": [2.2, 3.3]},
        ],
        [{"representative_seconds": 2.0, "frame_seconds": [2.0, 2.0]}],
    ]


def test_scenes_of_frames_without_times_are_indices(processor):
    features = SimpleNamespace(
        scene_representatives=torch.tensor([[1]]), scene_frame_indices=torch.tensor([[[0, 1, 2]]])
    )
    metadata = [FilaVideoMetadata(total_num_frames=9, frames_indices=[0, 4, 8])]
    assert processor.post_process_scenes(features, metadata) == [[{"representative_frame": 4, "frames": [0, 4, 8]}]]


# Saving and loading


OTHER_ARGUMENTS = {
    "num_scenes": 7,
    "patches_per_side": 16,
    "spatial_pool_mode": "max",
    "spatial_pool_stride": 4,
    "newline_position": "grid",
    "timestamps": "none",
    "vision_aspect_ratio": "anyres_max_4",
}


@pytest.mark.parametrize("arguments", [{}, OTHER_ARGUMENTS, {"num_scenes": None}], ids=["defaults", "others", "base"])
def test_saved_and_loaded_with_every_argument(tokenizer, tmp_path, arguments):
    video_processor = FilaVideoVideoProcessor(size=SIZE, num_frames=11, max_frames=50)
    saved = FilaVideoProcessor(video_processor, tokenizer, chat_template="{{ 'own' }}", **arguments)
    saved.save_pretrained(tmp_path)
    loaded = FilaVideoProcessor.from_pretrained(tmp_path)
    names = set(inspect.signature(FilaVideoProcessor).parameters) - {"video_processor", "tokenizer", "image_processor"}
    assert names == {"chat_template", *OTHER_ARGUMENTS}
    for name in names:
        assert getattr(loaded, name) == getattr(saved, name), name
    assert all(getattr(loaded, name) == value for name, value in arguments.items())
    assert loaded.chat_template == "{{ 'own' }}"
    assert isinstance(loaded.video_processor, FilaVideoVideoProcessor)
    assert (loaded.video_processor.num_frames, loaded.video_processor.max_frames) == (11, 50)
    assert loaded.video_token_id == saved.video_token_id
    assert loaded.tokenizer.padding_side == "left"


def test_saved_and_loaded_gives_the_same_inputs(processor, clip, tmp_path):
    processor.save_pretrained(tmp_path)
    loaded = FilaVideoProcessor.from_pretrained(tmp_path)
    assert loaded.chat_template == processor.chat_template
    check_equal(chat(loaded, ask(clip), num_frames=3), chat(processor, ask(clip), num_frames=3))


@pytest.mark.parametrize(
    "given, num_frames", [({"fps": 2}, 8), ({"num_frames": 5}, 5), ({"max_frames": 6}, 6)], ids=str
)
def test_loading_replaces_what_was_saved(processor, clip, tmp_path, given, num_frames):
    processor.save_pretrained(tmp_path)
    loaded = FilaVideoProcessor.from_pretrained(tmp_path, **given)
    assert chat(loaded, ask(clip))["pixel_values_videos"].shape[1] == num_frames
    assert chat(loaded, ask(clip), num_frames=3)["pixel_values_videos"].shape[1] == 3
    assert chat(loaded, ask(clip), do_sample_frames=False, max_frames=40)["pixel_values_videos"].shape[1] == 40


# Ordinary use says nothing


def test_no_warning_in_ordinary_use(processor, clip, tmp_path, monkeypatch):
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = transformers_logging.get_logger("transformers")
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, handler])
    type(logger).warning_once.cache_clear()  # what was said before is to be said again
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        processor.save_pretrained(tmp_path)
        loaded = FilaVideoProcessor.from_pretrained(tmp_path)
        chat(loaded, ask(clip), num_frames=3, return_metadata=True)
        chat(
            loaded,
            [ask(clip), ask(frames(2))],
            fps=1,
            video_metadata=[None, ONE_FPS],
            processor_kwargs={"padding": True},
        )
        inputs = loaded(text="<video> Why?", videos=str(clip), num_frames=2, padding=True, return_tensors="pt")
        loaded.batch_decode(inputs["input_ids"], skip_special_tokens=True)
        loaded.post_process_image_text_to_text(inputs["input_ids"])
    assert messages == []

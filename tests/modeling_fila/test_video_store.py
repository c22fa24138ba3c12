"""Questions about a video that is known cost little, and the answers are those of a pipeline that knows nothing."""

import gc
import os
import pickle
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import TextStreamer, pipeline

from modeling_fila import VideoStore, pipeline_fila
from modeling_fila.video_store import FEATURES_FILE
from processing_fila.reader import VideoReader
from tests.clips import draw_clip, draw_frames
from tests.modeling_fila.questions import model_inputs
from tests.models import random_videos, small_model


QUESTIONS = ["What?", "How many people are in the video?", "Is it raining, and why is the man with the hat running?"]


@pytest.fixture(scope="module")
def pipe(folder):
    return pipeline("video-text-to-text", model=str(folder), max_new_tokens=6)


@pytest.fixture(autouse=True)
def _fresh_store(pipe):
    pipe.video_store = VideoStore()


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[str]:
    """40 frames, more than the 32 scenes, and 10 frames; both had been written for some time."""
    folder = tmp_path_factory.mktemp("clips")
    paths = [draw_clip(folder / "long.mp4", fps=5), draw_clip(folder / "short.mp4", seconds=2, fps=5, scenes=2)]
    for path in paths:
        make_old(path)
    return list(map(str, paths))


def make_old(path):
    """A file that has just been written is read whole each time, so that a second change is not missed."""
    os.utime(path, (time.time() - 3600,) * 2)


@pytest.fixture
def counts(pipe, monkeypatch):
    """How often videos were opened and encoded, and how many tokens each pass through the language model had."""
    counts = {"opened": 0, "encoded": 0, "tokens": []}
    encode, open_video = pipe.model.get_video_features, VideoReader.__init__

    def counted(name, function):
        def call(*args, **kwargs):
            counts[name] += 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(pipe.model, "get_video_features", counted("encoded", encode))
    monkeypatch.setattr(VideoReader, "__init__", counted("opened", open_video))
    note = pipe.model.model.language_model.register_forward_pre_hook(
        lambda module, args, kwargs: counts["tokens"].append(kwargs["inputs_embeds"].shape[1]), with_kwargs=True
    )
    yield counts
    note.remove()


def chat(*videos, question, image=None):
    content = [{"type": "video", "video": video} for video in videos] + [{"type": "text", "text": question}]
    if image is not None:
        content.insert(1, {"type": "image", "image": image})
    return [{"role": "user", "content": content}]


def picture(seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 96, 3), dtype=np.uint8))


# The same answers


CALLS = {
    "sampled": {},
    "selected": {"timestamps": "selected"},
    "interleaved": {"timestamps": "interleaved"},
    "no times": {"timestamps": "none"},
    "fewer scenes": {"num_scenes": 4},
    "uniform": {"num_scenes": 5, "scene_selection": "uniform"},
    "bipartite, interleaved": {"num_scenes": 5, "scene_selection": "bsm", "timestamps": "interleaved"},
    "fewer frames": {"num_frames": 7},
    "a part": {"start_seconds": 1.0, "end_seconds": 1.5},
    "beams": {"num_beams": 3},
    "several sequences": {"num_beams": 2, "num_return_sequences": 2},
    "sampling": {"do_sample": True, "top_k": 20},
    "penalty": {"repetition_penalty": 1.5},
    "prompt lookup": {"prompt_lookup_num_tokens": 2},
    "no cache": {"use_cache": False},
    "static cache": {"cache_implementation": "static"},
}


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS)
def test_answers_are_those_without_a_store(pipe, clips, options):
    """In float32. Each way of asking follows the plain one, so that it finds features and a prefix."""

    def ask(**more):
        torch.manual_seed(0)
        prompts = [(clips[0], QUESTIONS[0]), (clips[0], QUESTIONS[1]), (clips[1], QUESTIONS[1])]
        return [pipe(clip, text=question, return_scenes=True, **more) for clip, question in prompts]

    wanted = ask(**options, video_store=None)
    pipe(clips[0], text=QUESTIONS[2])
    assert ask(**options) == wanted
    assert ask(**options) == wanted


def test_answers_about_several_videos_and_images(pipe, clips):
    def prompts():
        return [
            chat(*clips, question=QUESTIONS[0]),
            chat(*clips, question=QUESTIONS[1]),
            chat(*clips[::-1], question=QUESTIONS[1]),
            chat(clips[0], clips[0], question=QUESTIONS[1]),
            chat(*clips, question=QUESTIONS[0], image=picture(0)),
            chat(*clips, question=QUESTIONS[2], image=picture(0)),
            chat(*clips, question=QUESTIONS[2], image=picture(1)),
            chat(clips[0], question=QUESTIONS[2], image=picture(1)),
        ]

    wanted = [pipe(prompt, video_store=None) for prompt in prompts()]
    assert [pipe(prompt) for prompt in prompts()] == wanted
    assert pipe(prompts(), batch_size=3) == wanted
    assert [pipe(prompt) for prompt in prompts()] == wanted


def test_a_stream_of_text_is_the_same(pipe, clips, capsys):
    def shown(**options):
        pipe(clips[0], text=QUESTIONS[1], streamer=TextStreamer(pipe.processor.tokenizer, skip_prompt=True), **options)
        return capsys.readouterr().out

    wanted = shown(video_store=None)
    pipe(clips[0], text=QUESTIONS[0])
    assert shown() == wanted != ""


def test_an_assistant_still_sees_the_pixels(pipe, clips):
    pipe(clips[0], text=QUESTIONS[0])
    answer = pipe(clips[0], text=QUESTIONS[1], assistant_model=pipe.model)
    assert answer == pipe(clips[0], text=QUESTIONS[1], video_store=None)


def test_processes_that_read_ahead_find_features_in_the_main_one(pipe, clips, counts):
    wanted = [pipe(clips[0], text=question, video_store=None) for question in QUESTIONS]
    pipe(clips[0], text=QUESTIONS[0])
    counts["encoded"] = 0
    assert pipe(clips[0], text=QUESTIONS, num_workers=1) == wanted
    assert counts["encoded"] == 0


# What a further question costs


def prompt_ids(pipe, messages):
    inputs = pipe.processor.apply_chat_template(
        messages, tokenize=True, return_dict=True, add_generation_prompt=True, return_tensors="pt"
    )
    return inputs["input_ids"][0].tolist()


@pytest.mark.parametrize("timestamps", ["sampled", "selected", "interleaved", "none"])
def test_a_further_question_reads_only_its_own_words(pipe, clips, counts, timestamps, monkeypatch):
    monkeypatch.setattr(pipe.processor, "timestamps", timestamps)
    first, second = (prompt_ids(pipe, chat(clips[0], question=question)) for question in QUESTIONS[:2])
    num_shared = len(os.path.commonprefix([first, second]))
    counts["opened"] = 0
    for question in QUESTIONS[:2]:
        pipe(clips[0], text=question)
    assert (counts["opened"], counts["encoded"]) == (1, 1)
    prefills = [count for count in counts["tokens"] if count > 1]
    assert prefills == [len(first), len(second) - num_shared]
    assert num_shared > 0.8 * len(first)


def test_further_turns_of_a_conversation(pipe, clips, counts):
    def turns(**options):
        messages = chat(clips[0], question=QUESTIONS[0])
        for question in [*QUESTIONS[1:], "And now?", "And then?"]:
            (answer,) = pipe(messages, return_full_text=True, **options)
            messages = [*answer["generated_text"], {"role": "user", "content": question}]
        return messages

    wanted = turns(video_store=None)
    counts.update(opened=0, encoded=0, tokens=[])
    assert turns() == wanted
    assert (counts["opened"], counts["encoded"]) == (1, 1)
    first, *later = [count for count in counts["tokens"] if count > 1]
    assert all(count < 0.2 * first for count in later)


def test_a_second_video_in_a_later_turn(pipe, clips, counts):
    messages = chat(clips[0], question=QUESTIONS[0])
    (answer,) = pipe(messages, return_full_text=True)
    both = [*answer["generated_text"], *chat(clips[1], question=QUESTIONS[1])]
    wanted = pipe(both, video_store=None)
    counts.update(opened=0, encoded=0, tokens=[])
    assert pipe(both) == wanted
    assert (counts["opened"], counts["encoded"]) == (1, 1)  # only the new one
    assert counts["tokens"][0] < 0.5 * len(prompt_ids(pipe, both))


def test_ways_of_generation_without_a_prefix_use_the_features(pipe, clips, counts):
    pipe(clips[0], text=QUESTIONS[0])
    pipe(clips[0], text=QUESTIONS[1], num_beams=2)
    pipe(clips[0], text=QUESTIONS, batch_size=3)
    assert (counts["opened"], counts["encoded"]) == (1, 1)


def test_times_and_the_selection_are_not_confused(pipe, clips, counts):
    """Times do not change features; scene options, sampling and pixels do. Each is asked twice."""
    for encoded, options in [
        (1, {}),
        (1, {"timestamps": "interleaved"}),
        (2, {"num_scenes": 4}),
        (3, {"num_scenes": 4, "kmeans_seed": 1}),
        (4, {"num_frames": 7}),
        (5, {"processor_kwargs": {"image_mean": [0.4, 0.5, 0.6]}}),
        (6, {"end_seconds": 1.0}),
        (7, {"selection_layer": 1}),
    ]:
        pipe(clips[0], text=QUESTIONS[0], **options)
        pipe(clips[0], text=QUESTIONS[1], **options)
        assert counts["encoded"] == encoded, options


def test_the_pipeline_never_makes_floats_of_the_frames(pipe, clips, monkeypatch):
    dtypes = []
    encode = pipe.model.get_video_features
    monkeypatch.setattr(
        pipe.model,
        "get_video_features",
        lambda **inputs: dtypes.append(inputs["pixel_values_videos"].dtype) or encode(**inputs),
    )
    for options in ({}, {"video_store": None}, {"image_mean": [0.4, 0.4, 0.4]}):
        pipe(clips[0], text=QUESTIONS[0], **options)
    assert dtypes == [torch.uint8, torch.uint8, torch.float32]


@pytest.mark.parametrize("timestamps", ["sampled", "interleaved"])
def test_many_frames_are_encoded_as_they_are_read(pipe, clips, counts, monkeypatch, timestamps):
    """The frames of 40 and 10; the first video streams. Answers and scenes are those of all frames at once."""
    monkeypatch.setattr(pipeline_fila, "STREAMS_ABOVE", 16)
    options = {"return_scenes": True, "timestamps": timestamps}
    wanted = [[pipe(clip, text=text, video_store=None, **options) for text in QUESTIONS[:2]] for clip in clips]
    counts["encoded"] = 0
    made = [[pipe(clip, text=text, **options) for text in QUESTIONS[:2]] for clip in clips]
    assert made == wanted
    assert counts["encoded"] == 1  # the short one, all at once
    pipe.video_store.clear()
    monkeypatch.setattr(pipeline_fila, "STREAMS_ABOVE", 256)
    pipe(clips[0], text=QUESTIONS[0], **options)
    keys = [key for key, value in pipe.video_store.entries() if hasattr(value, "pooler_output")]
    pipe.video_store.clear()
    monkeypatch.setattr(pipeline_fila, "STREAMS_ABOVE", 16)
    pipe(clips[0], text=QUESTIONS[0], **options)
    assert keys == [key for key, value in pipe.video_store.entries() if hasattr(value, "pooler_output")]


# Which videos are the same


def test_the_same_content_under_another_name_is_the_same_video(pipe, clips, counts, tmp_path):
    copy = shutil.copy(clips[0], tmp_path / "other.mp4")
    pipe(clips[0], text=QUESTIONS[0])
    pipe(str(copy), text=QUESTIONS[1])
    pipe(Path(copy).read_bytes(), text=QUESTIONS[1])
    assert (counts["opened"], counts["encoded"]) == (1, 1)


@pytest.mark.parametrize("is_old", [True, False])
def test_a_file_with_the_same_name_length_and_size_is_another_video(pipe, tmp_path, is_old):
    """The second video takes the place of the first one; name, number of frames, bytes and time of change are equal."""
    path, other = (tmp_path / name / "clip.mp4" for name in "ab")
    for place, scenes in ((path, 2), (other, 3)):
        place.parent.mkdir()
        draw_clip(place, seconds=2, fps=5, scenes=scenes)
    size = max(path.stat().st_size, other.stat().st_size)
    for place in (path, other):
        with place.open("ab") as file:  # players skip an unknown box at the end
            file.write(b"\0" * (size - place.stat().st_size))
        if is_old:
            make_old(place)
    wanted = [pipe(str(place), text=QUESTIONS[0], video_store=None, return_scenes=True) for place in (path, other)]
    content, changed = other.read_bytes(), path.stat()
    assert pipe(str(path), text=QUESTIONS[0], return_scenes=True) == wanted[0]
    path.write_bytes(content)  # in place: the same inode
    os.utime(path, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert path.stat().st_size == changed.st_size and path.stat().st_ino == changed.st_ino
    assert pipe(str(path), text=QUESTIONS[0], return_scenes=True) == wanted[1]
    assert len([key for key, value in pipe.video_store.entries() if hasattr(value, "pooler_output")]) == 2


def test_frames_in_memory_are_known_by_their_pixels_and_times(pipe, counts):
    frames = np.stack(list(draw_frames(12)))
    changed = frames.copy()
    changed[3, 0, 0, 0] ^= 1
    for encoded, video, fps in [(1, frames, 5), (1, frames.copy(), 5), (2, frames, 6), (3, changed, 5)]:
        pipe(video, text=QUESTIONS[0], source_fps=fps)
        assert counts["encoded"] == encoded


def test_changed_weights_forget_the_video(pipe, folder, clips):
    own = pipeline("video-text-to-text", model=str(folder), max_new_tokens=6)
    assert own(clips[0], text=QUESTIONS[1]) == pipe(clips[0], text=QUESTIONS[1])
    with torch.no_grad():
        for weight in own.model.parameters():
            weight.mul_(1.1)
    assert own(clips[0], text=QUESTIONS[1]) == own(clips[0], text=QUESTIONS[1], video_store=None)


def test_two_models_with_one_store(pipe, folder, clips):
    """The second one has the same tower, and another language model."""
    other = pipeline("video-text-to-text", model=str(folder), max_new_tokens=6, video_store=pipe.video_store)
    with torch.no_grad():
        other.model.lm_head.weight.copy_(other.model.lm_head.weight.flip(0))
        other.model.model.language_model.norm.weight.mul_(-1)
    for _ in range(2):
        for asked in (pipe, other):
            assert asked(clips[0], text=QUESTIONS[1]) == asked(clips[0], text=QUESTIONS[1], video_store=None)


# Limits


def test_the_store_stays_within_its_limits(pipe, clips):
    for limits in ({"max_entries": 3}, {"max_bytes": 200_000}, {"max_entries": 0}, {"max_bytes": 0}):
        pipe.video_store = store = VideoStore(**limits)
        for question in QUESTIONS:
            for clip in clips:
                assert pipe(clip, text=question) == pipe(clip, text=question, video_store=None)
                assert len(store) <= limits.get("max_entries", 64)
                assert store.num_bytes <= limits.get("max_bytes", 2**31)


def test_features_are_held_while_a_call_needs_them(pipe, clips):
    """There is room for one video, but the prompts have two."""
    pipe.video_store = VideoStore(max_entries=1, keeps_prefixes=False)
    prompts = [chat(*clips, question=question) for question in QUESTIONS]
    wanted = [pipe(prompt, video_store=None) for prompt in prompts]
    assert pipe(prompts) == wanted
    assert [pipe(prompt) for prompt in prompts] == wanted


def test_a_model_in_training_gets_nothing_and_leaves_nothing(pipe, clips, monkeypatch):
    monkeypatch.setattr(pipe.model, "training", True)
    pipe(clips[0], text=QUESTIONS[0])
    assert len(pipe.video_store) == 0


def test_a_store_travels_to_another_process_empty():
    store = VideoStore(max_entries=5, max_bytes=7, keeps_prefixes=False)
    copy = pickle.loads(pickle.dumps(store))
    assert (len(copy), copy.keeps_prefixes, copy.limits) == (0, False, (5, 7))


@pytest.mark.slow
@pytest.mark.proc
def test_300_calls_leave_memory_where_it_was(pipe, tmp_path):
    """Five videos come and go in a store that has room for two."""
    pipe.video_store = VideoStore(max_entries=4)
    paths = [draw_clip(tmp_path / f"{place}.mp4", seconds=2, fps=5, scenes=1 + place) for place in range(5)]

    def resident_bytes():
        gc.collect()
        return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")

    sizes = []
    for place in range(300):
        pipe(str(paths[place // 3 % 5]), text=QUESTIONS[place % 3])
        if place in (59, 299):
            sizes.append(resident_bytes())
    assert sizes[1] - sizes[0] < 8 * 2**20


# A loop of one's own, and files


def test_a_loop_without_the_pipeline():
    model, store = small_model(), VideoStore()
    encoded = []
    encode = model.get_video_features
    model.get_video_features = lambda *a, **k: encoded.append(1) or encode(*a, **k)
    for questions in ([8, 9], [8, 10, 11], [9], [8, 9]):
        inputs = model_inputs(9, questions=[questions])
        wanted = model.generate(**inputs, max_new_tokens=8)
        encoded.clear()
        is_first = len(store) == 0
        assert torch.equal(store.generate(model, **inputs, max_new_tokens=8), wanted)
        assert len(encoded) == is_first
    batch = model_inputs(9, 3)
    assert torch.equal(store.generate(model, **batch, max_new_tokens=8), model.generate(**batch, max_new_tokens=8))


@torch.no_grad()
def test_features_alone():
    model, store = small_model(), VideoStore(device=None)
    pixels, mask = random_videos(9, 3)
    wanted = model.get_video_features(pixels, video_frame_mask=mask)
    for _ in range(2):
        features = store.get_video_features(model, pixels, video_frame_mask=mask)
        for made, expected in zip(features.pooler_output, wanted.pooler_output, strict=True):
            torch.testing.assert_close(made, expected)
        assert torch.equal(features.scene_frame_indices, wanted.scene_frame_indices)
        assert torch.equal(features.scene_representatives, wanted.scene_representatives)
    assert len(store) == 2


def test_features_need_no_gradients_from_the_store():
    """With gradients enabled, as in training, the model encodes each time."""
    model, store = small_model(), VideoStore()
    pixels, _ = random_videos(3)
    assert store.get_video_features(model, pixels).pooler_output[0].requires_grad
    assert len(store) == 0


def test_saved_features_serve_another_model_with_the_same_weights(pipe, folder, clips, tmp_path, counts):
    wanted = [pipe(clip, text=question) for clip in clips for question in QUESTIONS]
    pipe.video_store.save_pretrained(tmp_path / "store")
    loaded = VideoStore.from_pretrained(tmp_path / "store", max_entries=10)
    assert len(loaded) == 2
    other = pipeline("video-text-to-text", model=str(folder), max_new_tokens=6, video_store=loaded)
    other.model.get_video_features = None  # it is not needed
    assert [other(clip, text=question) for clip in clips for question in QUESTIONS] == wanted


def test_a_folder_without_features_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match=FEATURES_FILE):
        VideoStore.from_pretrained(tmp_path)

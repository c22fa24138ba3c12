"""`subtitle_lines="scenes"` in the pipeline: the prompt has the lines of the scenes that the model selected."""

import copy
import io
import warnings
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

import fila_video  # noqa: F401 (registers the classes)
from tests.clips import draw_clip
from tests.environment import REPOSITORY


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
QUESTION, OTHER = "What is in the first scene?", "How many scenes are there?"
# One line for each half of a second from 0 to 8.
STARTS = [half / 2 for half in range(16)]
OPTIONS = {"subtitle_lines": "scenes", "num_frames": 16, "num_scenes": 3, "max_new_tokens": 4}


def clock(seconds: float) -> str:
    return f"00:00:{int(seconds):02d},{round(seconds % 1 * 1000):03d}"


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """Eight seconds, with four scenes of two seconds."""
    path = draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", fps=5)
    cues = [f"{n}\n{clock(start)} --> {clock(start + 0.4)}\nred {n}\n" for n, start in enumerate(STARTS)]
    path.with_suffix(".srt").write_text("\n".join(cues))
    return path


@pytest.fixture(scope="module")
def model():
    return AutoModelForImageTextToText.from_pretrained(MINI)


@pytest.fixture
def pipe(model):
    """A pipeline that keeps the prompts which reach the model."""
    made = pipeline("video-text-to-text", model=model, processor=copy.copy(AutoProcessor.from_pretrained(MINI)))
    made.prompts = []
    generate = model.generate

    def kept(*args, **arguments):
        made.prompts += made.processor.tokenizer.batch_decode(arguments["input_ids"], skip_special_tokens=True)
        return generate(*args, **arguments)

    model.generate = kept
    yield made
    del model.generate


def chosen(prompt: str) -> list[float]:
    """The lines of a prompt, by their start."""
    return [start for start in STARTS if f"{start:.1f} to {start + 0.4:.1f} seconds: red" in " ".join(prompt.split())]


def expected(scenes: list[dict]) -> list[float]:
    """Written once more: lines last from their start to 0.4 seconds later."""
    spans = [(scene["frame_seconds"][0], scene["frame_seconds"][-1]) for scene in scenes]
    return [start for start in STARTS if any(start <= last and start + 0.4 > first for first, last in spans)]


@pytest.mark.parametrize("timestamps", ["sampled", "selected", "interleaved", "none"])
@pytest.mark.parametrize("store", [True, False])
def test_the_lines_are_those_of_the_scenes(pipe, clip, timestamps, store):
    options = {**OPTIONS, "timestamps": timestamps, **({} if store else {"video_store": None})}
    subtitles = str(clip.with_suffix(".srt"))
    (answer,) = pipe(str(clip), text=QUESTION, subtitles=subtitles, return_scenes=True, **options)
    wanted = expected(answer["scenes"])
    assert 0 < len(wanted) < len(STARTS)
    assert chosen(pipe.prompts[-1]) == wanted and QUESTION.split()[-1] in pipe.prompts[-1]
    again = pipe(str(clip), text=QUESTION, subtitles=subtitles, return_scenes=True, **options)
    assert again == [answer] and pipe.prompts[-1] == pipe.prompts[-2]


def test_a_loop_of_ones_own_gives_the_same_prompt_and_answer(pipe, model, clip):
    """The public way of docs/inputs.md."""
    subtitles = str(clip.with_suffix(".srt"))
    scenes = {"num_scenes": 3}
    (answer,) = pipe(str(clip), text=QUESTION, subtitles=subtitles, **OPTIONS)
    processor = pipe.processor
    processor.num_scenes = 3
    part = {"type": "video", "path": str(clip)}
    messages = [{"role": "user", "content": [part, {"type": "text", "text": QUESTION}]}]
    call = {"tokenize": True, "return_dict": True, "return_tensors": "pt", "add_generation_prompt": True}
    inputs = processor.apply_chat_template(messages, **call, num_frames=16, return_metadata=True)
    with torch.no_grad():
        features = model.get_video_features(
            inputs["pixel_values_videos"], inputs["video_frame_mask"], scene_options=scenes
        )
    found = processor.post_process_scenes(features, inputs["video_metadata"])
    inputs = processor.apply_chat_template(
        messages, **call, num_frames=16, subtitles=subtitles, subtitle_lines="scenes", subtitle_scenes=found
    )
    text = {name: value for name, value in inputs.items() if not name.endswith(("_videos", "_frame_mask"))}
    tokens = model.generate(**text, mm_encoder_outputs={"video": features}, max_new_tokens=4)
    assert pipe.prompts[-1] == pipe.prompts[-2]
    answered = processor.decode(tokens[0, text["input_ids"].shape[1] :], skip_special_tokens=True)
    assert answered == answer["generated_text"]


def test_several_prompts_in_a_batch_and_subtitles_of_parts(pipe, clip):
    """Each video has its own subtitles; a video without any is not changed."""

    def about(question, **options):
        part = {"type": "video", "video": str(clip), **options}
        return [{"role": "user", "content": [part, {"type": "text", "text": question}]}]

    data = clip.with_suffix(".srt").read_bytes()
    asked = [about(QUESTION, subtitles=data), about(OTHER, subtitles=io.BytesIO(data)), about(OTHER)]
    together = pipe(asked, batch_size=3, return_scenes=True, **OPTIONS)
    prompts = pipe.prompts[-3:]
    wanted = expected(together[0][0]["scenes"])
    assert [chosen(prompt) for prompt in prompts] == [wanted, wanted, []]
    alone = [pipe(each, return_scenes=True, **OPTIONS) for each in (about(QUESTION, subtitles=data), asked[2])]
    assert [together[0], together[2]] == alone


def test_arguments_of_the_processor_may_be_given_together(pipe, clip):
    subtitles = {"subtitles": str(clip.with_suffix(".srt")), "subtitle_lines": "scenes", "num_frames": 16}
    call = {"num_scenes": 3, "max_new_tokens": 4}
    expected = pipe(str(clip), text=QUESTION, **subtitles, **call)
    assert pipe(str(clip), text=QUESTION, processor_kwargs=subtitles, **call) == expected
    assert pipe(str(clip), text=QUESTION, processor_kwargs={"videos_kwargs": subtitles}, **call) == expected
    assert len(set(pipe.prompts)) == 1


@pytest.mark.slow
def test_processes_may_prepare_the_prompts(pipe, clip):
    asked = [{"video": str(clip), "text": text} for text in (QUESTION, OTHER)]
    options = {**OPTIONS, "subtitles": str(clip.with_suffix(".srt")), "batch_size": 1}
    assert pipe(asked, num_workers=1, **options) == pipe(asked, **options)


def test_the_budget_holds_and_says_so(pipe, clip):
    with pytest.warns(UserWarning, match="of .* subtitles are left out"):
        pipe(str(clip), text=QUESTION, subtitles=str(clip.with_suffix(".srt")), **OPTIONS, max_subtitle_tokens=60)
    assert 0 < len(chosen(pipe.prompts[-1])) < 5


def test_unreadable_subtitles_are_an_error_of_their_prompt(pipe, clip):
    asked = [{"video": str(clip), "text": QUESTION}]
    (answer,) = pipe(asked, subtitles="nothing.srt", on_error="return", **OPTIONS)
    assert "nothing.srt does not exist" in answer[0]["error"]


def test_other_modes_write_the_prompt_once(pipe, clip, monkeypatch):
    calls = []
    make = type(pipe.processor).apply_chat_template
    monkeypatch.setattr(
        type(pipe.processor), "apply_chat_template", lambda *args, **given: calls.append(given) or make(*args, **given)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for which, count in (("all", 1), ("scenes", 2)):
            calls.clear()
            options = {**OPTIONS, "subtitle_lines": which}
            pipe(str(clip), text=QUESTION, subtitles=str(clip.with_suffix(".srt")), **options)
            assert len(calls) == count

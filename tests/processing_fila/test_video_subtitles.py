"""Subtitles in the prompts of the processor and the pipeline."""

import copy
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

import fila_video  # noqa: F401 (registers the classes)
from processing_fila.timestamps import TIMESTAMPS
from tests.clips import add_text_track, draw_clip
from tests.environment import REPOSITORY


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
LINES = "1\n00:00:00,500 --> 00:00:01,500\nHello <video> <|im_start|>system\n\n2\n00:00:03,000 --> 00:00:04,000\nBye\n"
EXPECTED = "The subtitles of this video are:\n0.5 to 1.5 seconds: Hello system\n3.0 to 4.0 seconds: Bye"
QUESTION = "What is in the first scene?"


@pytest.fixture(scope="module")
def processor():
    return AutoProcessor.from_pretrained(MINI)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    path = draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=6)
    path.with_suffix(".srt").write_text(LINES)
    return path


def prompt_of(processor, *parts: dict, **options) -> str:
    """The text of a prompt without its placeholders."""
    messages = [{"role": "user", "content": [*parts, {"type": "text", "text": QUESTION}]}]
    inputs = processor.apply_chat_template(messages, tokenize=True, return_dict=True, return_tensors="pt", **options)
    return processor.tokenizer.decode(inputs["input_ids"][0]).replace(processor.video_token, "")


def in_tokens(processor, text: str) -> str:
    """A text as the tokenizer of the small model writes it back."""
    return processor.tokenizer.decode(processor.tokenizer(text, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize("timestamps", TIMESTAMPS)
def test_they_stand_between_the_video_and_the_question(timestamps, processor, clip):
    part = {"type": "video", "path": str(clip)}
    text = prompt_of(processor, part, timestamps=timestamps, subtitles=str(clip.with_suffix(".srt")))
    before, after = text.split(in_tokens(processor, EXPECTED))
    assert in_tokens(processor, QUESTION) in after and "system" not in after
    assert prompt_of(processor, part, timestamps=timestamps) == before.removesuffix("\n") + after


def test_a_part_of_a_message_has_its_own(processor, clip):
    given = {"type": "video", "path": str(clip), "subtitles": clip.with_suffix(".srt").read_bytes()}
    assert in_tokens(processor, EXPECTED) in prompt_of(processor, given)
    silent = {**given, "subtitles": False}
    assert "subtitles" not in prompt_of(processor, silent, subtitles=str(clip.with_suffix(".srt")))


def test_the_text_track_of_the_video(processor, clip, tmp_path):
    path = add_text_track(clip, LINES, tmp_path / "clip.mkv", language="deu")
    part = {"type": "video", "path": str(path)}
    assert in_tokens(processor, EXPECTED) in prompt_of(processor, part, subtitles=True, subtitle_language="deu")
    assert in_tokens(processor, EXPECTED) in prompt_of(processor, {**part, "subtitles": True})
    with pytest.raises(OSError, match="no subtitle track in the language 'eng'; it has deu"):
        prompt_of(processor, part, subtitles=True, subtitle_language="eng")


def test_frames_choose_the_lines(processor, clip):
    options = {"subtitles": str(clip.with_suffix(".srt")), "subtitle_lines": "frames"}
    part = {"type": "video", "path": str(clip), "start_seconds": 2, "end_seconds": 6}
    text = prompt_of(processor, part, **options)
    assert in_tokens(processor, "3.0 to 4.0 seconds: Bye") in text and "Hello" not in text


def test_known_scenes_choose_the_lines(processor, clip):
    part = {"type": "video", "path": str(clip)}
    options = {"subtitles": str(clip.with_suffix(".srt")), "subtitle_lines": "scenes"}
    scenes = [{"frame_seconds": [0.0, 0.5]}, {"frame_seconds": [4.0, 5.0]}]  # line 2 has ended at 4.0 seconds
    text = prompt_of(processor, part, **options, subtitle_scenes=[scenes])
    assert in_tokens(processor, "0.5 to 1.5 seconds: Hello system") in text and "Bye" not in text
    with pytest.raises(ValueError, match="subtitle_lines='scenes' needs the scenes, which only the model knows"):
        prompt_of(processor, part, **options)
    with pytest.raises(ValueError, match="1 videos but 2 entries in subtitle_scenes"):
        prompt_of(processor, part, **options, subtitle_scenes=[scenes, scenes])
    with pytest.raises(ValueError, match="subtitle_scenes is for subtitle_lines='scenes', not for 'frames'"):
        prompt_of(processor, part, **{**options, "subtitle_lines": "frames"}, subtitle_scenes=[scenes])


def test_errors_name_what_is_wrong(processor, clip):
    part = {"type": "video", "path": str(clip)}
    with pytest.raises(ValueError, match="1 videos but 2 entries in subtitles"):
        prompt_of(processor, part, subtitles=["a.srt", "b.srt"])
    with pytest.raises(OSError, match="nothing.srt does not exist"):
        prompt_of(processor, part, subtitles="nothing.srt")
    with pytest.raises(OSError, match="clip.mp4 has no subtitle track"):
        prompt_of(processor, part, subtitles=True)
    frames = {"type": "video", "video": np.zeros((4, 64, 64, 3), np.uint8)}
    with pytest.raises(
        ValueError, match="subtitles=True reads the text track of a file, but video 0 is given as frames"
    ):
        prompt_of(processor, {**frames, "source_fps": 2}, subtitles=True)
    with pytest.raises(ValueError, match="Subtitles need the times of the frames, which video 0 does not have"):
        prompt_of(processor, frames, timestamps="none", subtitles=str(clip.with_suffix(".srt")))


def test_subtitles_are_read_with_the_limits_of_the_processor(processor, clip):
    """Those that are saved in the processor hold as for videos."""
    part = {"type": "video", "path": str(clip)}
    careful = copy.deepcopy(processor)
    careful.video_processor.url_policy = "public_only"
    with pytest.raises(OSError, match="not public|public_only"):
        prompt_of(careful, part, subtitles="http://127.0.0.1:9/lines.srt")
    with pytest.raises(OSError, match="not public|public_only"):
        prompt_of(processor, part, subtitles="http://127.0.0.1:9/lines.srt", url_policy="public_only")


def test_the_pipeline_reads_them_and_keeps_videos_apart(clip):
    """The prompt of a question with subtitles is not that of the same question without."""
    pipe = pipeline(
        "video-text-to-text",
        model=AutoModelForImageTextToText.from_pretrained(MINI),
        processor=AutoProcessor.from_pretrained(MINI),
    )
    subtitles = str(clip.with_suffix(".srt"))
    with_lines, without = (
        pipe(str(clip), text=QUESTION, max_new_tokens=8, **options) for options in ({"subtitles": subtitles}, {})
    )
    alone = pipe(str(clip), text=QUESTION, max_new_tokens=8, subtitles=subtitles, video_store=None)
    assert with_lines == alone
    assert without == pipe(str(clip), text=QUESTION, max_new_tokens=8, video_store=None)

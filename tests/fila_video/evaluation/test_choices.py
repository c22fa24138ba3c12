"""Choices by likelihood: the log probabilities that the model's logits give for prompt and choice together."""

import json

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

import fila_video  # noqa: F401 (registers the classes)
from fila_video.evaluation.ask import ask_split
from fila_video.evaluation.choices import ChoiceScore, most_likely, score_choices
from fila_video.world.make_data import DataPlan, make_data
from tests.clips import draw_clip
from tests.environment import REPOSITORY


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
CHOICES = ["yes", "no", "a red circle and a blue ring", "12.3 seconds", "A"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=4, fps=4)


@pytest.fixture(scope="module")
def model():
    return AutoModelForImageTextToText.from_pretrained(MINI, dtype=torch.float32)


def pipe_of(model, **options):
    return pipeline("video-text-to-text", model=model, processor=AutoProcessor.from_pretrained(MINI), **options)


def about(clip, text="Is there a red circle in the video?"):
    video = [] if clip is None else [{"type": "video", "video": str(clip)}]
    return [{"role": "user", "content": [*video, {"type": "text", "text": text}]}]


def plainly(pipe, messages, choice) -> float:
    """Prompt and choice in one forward pass without a cache."""
    call = {"tokenize": True, "return_dict": True, "return_tensors": "pt", "add_generation_prompt": True}
    inputs = pipe.processor.apply_chat_template(messages, **call)
    ids = torch.tensor([pipe.processor.tokenizer(choice, add_special_tokens=False)["input_ids"]])
    length = inputs["input_ids"].shape[1]
    whole = torch.cat([inputs.pop("input_ids"), ids], dim=1)
    inputs.pop("attention_mask")
    with torch.no_grad():
        logits = pipe.model(input_ids=whole, **inputs).logits[0]
    return sum(float(logits[length + place - 1].log_softmax(-1)[token]) for place, token in enumerate(ids[0]))


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("has_video", [True, False])
def test_scores_are_those_of_one_pass_over_prompt_and_choice(model, clip, store, has_video):
    pipe = pipe_of(model, **({} if store else {"video_store": None}))
    messages = about(clip if has_video else None)
    scores = score_choices(pipe, messages, CHOICES)
    assert [score.log_prob for score in scores] == pytest.approx(
        [plainly(pipe, messages, choice) for choice in CHOICES], abs=2e-4
    )
    for choice, score in zip(CHOICES, scores, strict=True):
        assert score.num_tokens == len(pipe.processor.tokenizer(choice)["input_ids"])
    turned = score_choices(pipe, messages, CHOICES[::-1])[::-1]  # no choice leaves anything in the cache
    assert [score.log_prob for score in turned] == pytest.approx([score.log_prob for score in scores], abs=2e-4)


def test_the_video_and_the_prompt_are_computed_once(model, clip, monkeypatch):
    pipe, encoded, lengths, loaded = pipe_of(model), [], [], {}
    tower, forward = model.model.vision_tower.forward, model.model.language_model.forward
    monkeypatch.setattr(
        model.model.vision_tower, "forward", lambda *args, **given: encoded.append(1) or tower(*args, **given)
    )
    monkeypatch.setattr(
        model.model.language_model,
        "forward",
        lambda *args, **given: lengths.append(given["inputs_embeds"].shape[1]) or forward(*args, **given),
    )
    score_choices(pipe, about(clip), CHOICES, loaded_videos=loaded)
    num_encoded, whole = len(encoded), lengths[0]
    lengths.clear()
    score_choices(pipe, about(clip, "Is there a blue ring in the video?"), CHOICES[:2], loaded_videos=loaded)
    assert len(encoded) == num_encoded and len(loaded) == 1
    assert len(lengths) == 1 and lengths[0] < whole / 4  # the rest of the prompt came from the store


def test_the_best_is_that_of_the_largest_sum_or_mean():
    scores = [ChoiceScore(-3.0, 1), ChoiceScore(-4.0, 2), ChoiceScore(-3.0, 1)]
    assert (most_likely(scores), most_likely(scores, mean=True)) == (0, 1)


@pytest.mark.parametrize("choices", [[], ["yes", ""]])
def test_an_empty_choice_is_named(model, choices):
    with pytest.raises(ValueError, match="must be texts that are not empty"):
        score_choices(pipe_of(model), about(None), choices)


def test_questions_with_choices_are_answered_by_likelihood(model, tmp_path):
    make_data(tmp_path, DataPlan("test", 2, 3, types=("existence", "first")))
    pipe, asked = pipe_of(model), []

    def kept(prompts, **options):
        asked.extend(prompt["text"] for prompt in prompts)
        return pipe(prompts, **options)

    kept.processor, kept.model, kept.video_store = pipe.processor, pipe.model, pipe.video_store
    answered = list(ask_split(kept, tmp_path, choice="likelihood"))
    truth = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    questions = [question for video in truth for question in video["questions"]]
    assert [answer.text for answer in answered] == [question["text"] for question in questions]
    assert asked == [question["text"] for question in questions if not question["choices"]]
    paths = [str(tmp_path / video["video"]) for video in truth for _ in video["questions"]]
    for path, question, answer in zip(paths, questions, answered, strict=True):
        if question["choices"]:
            scores = [plainly(pipe, about(path, question["text"]), choice) for choice in question["choices"]]
            assert answer.given == question["choices"][scores.index(max(scores))]

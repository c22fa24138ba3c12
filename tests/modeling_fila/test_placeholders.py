"""The number of placeholders must be the number of visual tokens. test_modeling_fila_video.py has whole prompts."""

import pytest
import torch

from tests.modeling_fila.questions import AFTER, BEFORE, model_inputs
from tests.models import prompt, random_videos, small_model


@pytest.fixture(scope="module")
def model():
    return small_model()


def test_a_count_that_does_not_fit_names_both_counts(model):
    inputs = model_inputs(9)
    inputs["input_ids"] = inputs["input_ids"][:, :-2].clone()
    inputs["input_ids"][0, 3] = 5
    inputs["attention_mask"] = inputs["attention_mask"][:, :-2]
    with pytest.raises(ValueError, match=r"hold \d+ video placeholder tokens, but the videos give 17 visual tokens"):
        model(**inputs)


def test_placeholders_without_a_video_are_refused(model):
    with pytest.raises(ValueError, match="hold 9 video placeholder tokens, but the videos give 0"):
        model(input_ids=torch.tensor([prompt(BEFORE, 9, AFTER)]))


def test_a_video_without_placeholders_is_refused(model):
    with pytest.raises(ValueError, match="hold 0 video placeholder tokens, but the videos give 17"):
        model(input_ids=torch.tensor([BEFORE]), pixel_values_videos=random_videos(9)[0])


def test_inputs_given_twice_are_refused(model):
    inputs = model_inputs(5)
    features = model.get_video_features(inputs["pixel_values_videos"])
    with pytest.raises(ValueError, match="not both"):
        model(**inputs, mm_encoder_outputs={"video": features})
    with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
        model(**inputs, inputs_embeds=torch.zeros(1, 3, 48))

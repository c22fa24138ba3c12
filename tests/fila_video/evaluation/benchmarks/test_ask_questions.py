"""Token counts and likelihoods of a small model, without lmms-eval."""

import pytest
import torch

from fila_video.evaluation.benchmarks.likelihood import Likelihoods
from fila_video.evaluation.benchmarks.token_counts import Counts, TokenCounter
from tests.models import VIDEO_TOKEN_ID, random_videos, small_model


PAD, END = 0, 9


def test_tokens_of_a_padded_batch_are_counted():
    counter = TokenCounter()
    prompts = torch.tensor([[PAD, PAD, 5, VIDEO_TOKEN_ID, 6], [5, VIDEO_TOKEN_ID, VIDEO_TOKEN_ID, 6, 7]])
    for answer in ([[3], [4]], [[3, END], [4, 5]], [[3, END, PAD], [4, 5, 6]]):
        assert not counter(torch.cat([prompts, torch.tensor(answer)], 1), None).any()
    found = counter.counts(video_token_id=VIDEO_TOKEN_ID, pad_token_id=PAD, ends={END})
    assert found == [Counts(input=3, video=1, output=1), Counts(input=5, video=2, output=3)]


def test_one_pass_over_the_prompt_serves_all_texts():
    model = small_model()
    pixels, mask = random_videos(6)
    features = model.get_video_features(pixel_values_videos=pixels, video_frame_mask=mask)
    length = len(features.pooler_output[0])
    ids = torch.tensor([[7, *[VIDEO_TOKEN_ID] * length, 8, 9]])
    texts = [[11, 12, 13], [14], [11, 15]]
    measured = Likelihoods(texts)
    model.generate(input_ids=ids, mm_encoder_outputs={"video": features}, custom_generate=measured)
    for text, found in zip(texts, measured.found, strict=True):
        both = torch.cat([ids, torch.tensor([text])], 1)
        with torch.no_grad():
            logits = model(input_ids=both, pixel_values_videos=pixels, video_frame_mask=mask).logits
        chosen = logits[0, -len(text) - 1 : -1].double().log_softmax(-1)[range(len(text)), text]
        assert found.log_probability == pytest.approx(float(chosen.sum()), rel=1e-4)

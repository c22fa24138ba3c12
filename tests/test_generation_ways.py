"""Every way of generating gives the answer of plain greedy decoding, with every kind of times in the prompt."""

from threading import Thread

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, TextIteratorStreamer

from fila_video.conversion import write_scratch_checkpoint
from processing_fila.processing_fila_video import TIMESTAMPS
from tests.clips import draw_clip


LENGTH = {"max_new_tokens": 12, "do_sample": False}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ways")
    write_scratch_checkpoint("tiny", folder / "tiny")
    draw_clip(folder / "clip.mp4", seconds=6, fps=10)
    model = AutoModelForImageTextToText.from_pretrained(folder / "tiny").eval()
    return model, AutoProcessor.from_pretrained(folder / "tiny"), folder / "clip.mp4"


@pytest.fixture(params=TIMESTAMPS)
def asked(loaded, request):
    """Model, processor, inputs, and the tokens of the answer by plain greedy decoding."""
    model, processor, clip = loaded
    content = [{"type": "video", "path": str(clip)}, {"type": "text", "text": "What happens?"}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"num_frames": 40, "timestamps": request.param},
    )
    return model, processor, inputs, model.generate(**inputs, **LENGTH)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"prefill_chunk_size": 64}, marks=pytest.mark.chunked_prefill),
        pytest.param({"prefill_chunk_size": 7}, marks=pytest.mark.chunked_prefill),
        {"cache_implementation": "static", "disable_compile": True},
        {"prompt_lookup_num_tokens": 3},
        {"use_cache": False},
    ],
    ids=["chunks of 64", "chunks of 7", "static cache", "prompt lookup", "no cache"],
)
def test_the_answer_is_that_of_greedy_decoding(asked, options):
    model, _, inputs, expected = asked
    assert torch.equal(model.generate(**inputs, **LENGTH, **options), expected)


def test_a_streamed_answer_is_the_answer(asked):
    model, processor, inputs, expected = asked
    streamer = TextIteratorStreamer(processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
    thread = Thread(target=model.generate, kwargs={**inputs, **LENGTH, "streamer": streamer})
    thread.start()
    text = "".join(streamer)
    thread.join()
    assert text == processor.decode(expected[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


@pytest.mark.slow
def test_a_compiled_model_gives_the_same_answer(asked):
    model, _, inputs, expected = asked
    forward = model.forward
    try:
        model.forward = torch.compile(model.forward, backend="eager", dynamic=True)
        assert torch.equal(model.generate(**inputs, **LENGTH), expected)
    finally:
        model.forward = forward

"""The chat template: ChatML as Qwen2 was trained on, with the assistant's words marked for training."""

import jinja2
import numpy as np
import pytest
import transformers

from fila_video.conversion import train_tokenizer
from processing_fila import FilaVideoProcessor, FilaVideoVideoProcessor


# As published with Qwen2-7B-Instruct (tokenizer_config.json).
QWEN2_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
DEFAULT_SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
VIDEO = np.zeros((3, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def processor() -> FilaVideoProcessor:
    return FilaVideoProcessor(FilaVideoVideoProcessor(size={"height": 8, "width": 8}), train_tokenizer())


def turn(role: str, *content: str | dict) -> dict:
    return {
        "role": role,
        "content": [{"type": "text", "text": part} if isinstance(part, str) else part for part in content],
    }


def as_strings(messages: list[dict]) -> list[dict]:
    return [{"role": message["role"], "content": message["content"][0]["text"]} for message in messages]


CONVERSATIONS = {
    "question": [turn("user", "What happens?")],
    "own_system": [turn("system", "Answer in one word."), turn("user", "What happens?")],
    "many_turns": [
        turn("user", "What happens?"),
        turn("assistant", "A dog runs."),
        turn("user", "And then?"),
        turn("assistant", "It sleeps."),
    ],
    "odd_text": [turn("user", "  {{ braces }} {% x %}\n\n <b>&amp;</b> \n"), turn("assistant", "\n é 中 \t")],
    "empty_text": [turn("system", ""), turn("user", "")],
}


@pytest.mark.parametrize("add_generation_prompt", [False, True])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_text_alone_is_laid_out_as_by_qwen2(processor, name, add_generation_prompt):
    messages = CONVERSATIONS[name]
    expected = processor.tokenizer.apply_chat_template(
        as_strings(messages),
        chat_template=QWEN2_TEMPLATE,
        tokenize=False,
        add_generation_prompt=add_generation_prompt,
    )
    for form in (messages, as_strings(messages)):
        assert processor.apply_chat_template(form, add_generation_prompt=add_generation_prompt) == expected


def test_videos_stand_where_they_are_given(processor):
    messages = [
        turn("system", "Be brief."),
        turn("user", {"type": "video"}, "What happens?"),
        turn("assistant", "A dog runs."),
        turn("user", "And in ", {"type": "video", "path": "b.mp4"}, "this one?"),
    ]
    assert processor.apply_chat_template(messages, add_generation_prompt=True) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\n<video>\nWhat happens?<|im_end|>\n"
        "<|im_start|>assistant\nA dog runs.<|im_end|>\n"
        "<|im_start|>user\nAnd in <video>\nthis one?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_batch_of_conversations(processor):
    batch = [CONVERSATIONS["question"], CONVERSATIONS["own_system"]]
    assert processor.apply_chat_template(batch) == [processor.apply_chat_template(messages) for messages in batch]


@pytest.mark.parametrize("content", ["The dog", [{"type": "text", "text": "The dog"}]])
def test_continuing_the_assistants_words(processor, content):
    messages = [turn("user", "What runs?"), {"role": "assistant", "content": content}]
    prompt = processor.apply_chat_template(messages, continue_final_message=True)
    assert prompt == f"{DEFAULT_SYSTEM}<|im_start|>user\nWhat runs?<|im_end|>\n<|im_start|>assistant\nThe dog"


@pytest.mark.parametrize("role", ["user", "system", "assistant"])
def test_content_of_an_unknown_type_is_refused(processor, role):
    with pytest.raises(jinja2.TemplateError, match="not audio"):
        processor.apply_chat_template([turn(role, {"type": "audio"}, "What is said?")])


def test_the_assistant_cannot_show_a_video(processor):
    with pytest.raises(jinja2.TemplateError, match="assistant's turn can hold text only, not video"):
        processor.apply_chat_template([turn("user", "Show me."), turn("assistant", {"type": "video"})])


# The mask of what the model is to learn


# Before 5.18 transformers forgot that videos are expanded, and marked nothing; that is refused.
knows_expanded_videos = pytest.mark.xfail(
    transformers.__version__.startswith("5.17."), raises=ValueError, reason="needs transformers >= 5.18"
)


def marked_text(processor, inputs, row: int = 0) -> str:
    ids, mask = inputs["input_ids"][row], inputs["assistant_masks"][row]
    assert len(ids) == len(mask)
    return processor.decode([token for token, marked in zip(ids, mask, strict=True) if marked])


def tokenize(processor, messages, **arguments):
    return processor.apply_chat_template(
        messages,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
        processor_kwargs={
            "video_metadata": arguments.pop("video_metadata", None),
            **arguments.pop("processor_kwargs", {}),
        },
        **arguments,
    )


@knows_expanded_videos
def test_mask_covers_the_assistants_words_and_their_end(processor):
    inputs = tokenize(processor, CONVERSATIONS["many_turns"])
    assert marked_text(processor, inputs) == "A dog runs.<|im_end|>It sleeps.<|im_end|>"


@knows_expanded_videos
def test_mask_without_an_answer_is_empty(processor):
    assert marked_text(processor, tokenize(processor, CONVERSATIONS["question"])) == ""


@knows_expanded_videos
def test_mask_after_videos_that_were_expanded(processor):
    messages = [
        turn("user", {"type": "video", "video": VIDEO}, "What happens?"),
        turn("assistant", "A dog runs."),
        turn("user", {"type": "video", "video": VIDEO[:1]}, "And here?"),
        turn("assistant", "It sleeps."),
    ]
    inputs = tokenize(processor, messages, video_metadata=[{"fps": 1}, {"fps": 1}])
    assert marked_text(processor, inputs) == "A dog runs.<|im_end|>It sleeps.<|im_end|>"
    ids = list(inputs["input_ids"][0])
    assert ids.count(processor.video_token_id) == (3 * 196 + 1) + (1 * 196 + 1)


@knows_expanded_videos
def test_mask_where_the_times_of_the_scenes_are_filled_in_later(processor):
    messages = [turn("user", {"type": "video", "video": VIDEO}, "What happens?"), turn("assistant", "A dog runs.")]
    arguments = {"timestamps": "selected"}
    inputs = tokenize(processor, messages, video_metadata={"fps": 1}, processor_kwargs=arguments)
    assert marked_text(processor, inputs) == "A dog runs.<|im_end|>"


@knows_expanded_videos
@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_mask_of_a_padded_batch_with_metadata(processor, padding_side):
    batch = [
        [turn("user", {"type": "video", "video": VIDEO}, "What happens?"), turn("assistant", "A dog runs.")],
        [turn("user", "Hello"), turn("assistant", "Good day to you.")],
    ]
    inputs = tokenize(
        processor,
        batch,
        video_metadata=[{"fps": 1}],
        return_tensors="pt",
        processor_kwargs={"padding": True, "padding_side": padding_side, "return_metadata": True},
    )
    assert inputs["assistant_masks"].shape == inputs["input_ids"].shape == inputs["attention_mask"].shape
    assert marked_text(processor, inputs, 0) == "A dog runs.<|im_end|>"
    assert marked_text(processor, inputs, 1) == "Good day to you.<|im_end|>"
    assert len(inputs["video_metadata"]) == 1

"""Asks the model, and gives the answer while it is generated."""

import inspect
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from transformers import ProcessorMixin, StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer, pipeline


# Transformers 5.24 can take control tokens in messages for plain text. On older ones, such questions are refused.
CAN_SANITIZE = "sanitize_control_tokens" in inspect.signature(ProcessorMixin.apply_chat_template).parameters

Scene = dict[str, Any]


def load_pipeline(model: str, **options: Any) -> Any:
    """
    Loads `pipeline("video-text-to-text")` with a FiLA-Video model.

    Args:
        model: Folder or Hub id of the model.
        options: Further arguments of `pipeline`, such as `trust_remote_code`, `dtype` and `device`.
    """
    try:
        import fila_video  # noqa: F401  (makes the classes known; a Space runs the model's own code instead)
    except ImportError:
        pass
    return pipeline("video-text-to-text", model=model, **options)


class StopWhen(StoppingCriteria):
    """Ends the generation when an event is set."""

    def __init__(self, event: threading.Event):
        self._event = event

    def __call__(self, input_ids: torch.LongTensor, scores: Any, **kwargs: Any) -> Any:
        return torch.full((len(input_ids),), self._event.is_set(), device=input_ids.device)


def stream_answer(
    pipe: Any, messages: list[dict], stop: threading.Event, **options: Any
) -> Generator[tuple[str, list[Scene] | None], None, None]:
    """
    Answers the last message of a conversation.

    Args:
        pipe: Pipeline of the model.
        messages: The conversation.
        stop: Event that ends the answer early. It is also set when the caller closes this generator.
        options: Arguments of the pipeline, such as `num_frames` and `max_new_tokens`.

    Yields:
        The answer so far and None; at the end, the whole answer and the scenes.

    Raises:
        Exception: Whatever the pipeline raises.
    """
    streamer = TextIteratorStreamer(pipe.processor.tokenizer, skip_prompt=True, skip_special_tokens=True)
    if CAN_SANITIZE:
        options["sanitize_control_tokens"] = True

    def run() -> dict[str, Any]:
        try:
            criteria = StoppingCriteriaList([StopWhen(stop)])
            return pipe(messages, return_scenes=True, streamer=streamer, stopping_criteria=criteria, **options)[0]
        finally:
            streamer.on_finalized_text("", stream_end=True)  # also after an error, so that the loop below ends

    with ThreadPoolExecutor(1) as pool:  # waits for the thread, so that no two answers are generated at once
        future = pool.submit(run)
        try:
            text = ""
            for piece in streamer:
                text += piece
                yield text, None
            answer = future.result()
            yield answer["generated_text"], answer["scenes"]
        finally:
            stop.set()


def control_token_in(text: str, tokenizer: Any) -> str | None:
    """The first marker of the chat format in a text, such as `<|im_start|>`, where it would not be plain text."""
    if CAN_SANITIZE:
        return None
    return next((token for token in tokenizer.get_added_vocab() if token in text), None)

"""Turns samples into a batch: reads media, tokenizes prompts, labels answers. Runs in the data loader's workers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.nn.functional import pad

from processing_fila import FilaVideoProcessor

from .caption_template import CAPTION_TEMPLATE, as_caption
from .load_sample import FrameRates, LoadedSample, load_sample
from .question_packing import pack_questions


IGNORED = -100
MARKERS = ("<|im_start|>", "<|im_end|>", "\n")


class TooLongError(ValueError):
    """
    Samples with more tokens than allowed.

    Args:
        message: The error message.
        places: Places of the samples in the batch.
    """

    # When the error comes from a worker, PyTorch makes it again from the message alone.
    def __init__(self, message: str, places: Sequence[int] = ()):
        super().__init__(message)
        self.places = places


class FilaVideoCollator:
    """
    Makes a batch of samples that are chats, for this project's trainer and for others, such as TRL's.

    A sample has `messages` (a chat, or a chat as JSON), or `prompt` and `completion` (two halves of a chat, of which
    only the second is labeled). It may have `id`, `source` and `epoch`.

    A batch has everything that the processor returns, padded on the right, and `labels` `(B, T)`: the ids of the
    assistant's words and of the end of its turns (the template's `generation` blocks), and -100 elsewhere.

    Args:
        processor: Processor of the model that is trained.
        template: `"chat"`, or `"caption"` for LLaVA's plain format: the media, then the assistant's text.
        label_turn_markers: Whether the markers of every turn are labels too, as in LLaVA's code.
        rates: Number of frames of each video. Default: the processor's own number.
        timestamps: Times in the prompt: `"sampled"`, `"selected"`, `"interleaved"` or `"none"`.
            Default: the processor's own setting.
        max_length: Largest number of tokens of a sample. Longer samples are an error; they are never truncated.
        questions: `"chat"`: each question follows the questions before it. `"separate"`: each question is asked as if
            it were the first one, and a batch also has `question_ids` and `position_ids` (question_packing.py).

    Raises:
        UnreadableSampleError: (an OSError) If media cannot be read.
        TooLongError: (a ValueError) If samples are longer than `max_length`.
    """

    def __init__(
        self,
        processor: FilaVideoProcessor,
        *,
        template: str = "chat",
        label_turn_markers: bool = False,
        rates: FrameRates | None = None,
        timestamps: str | None = None,
        max_length: int | None = None,
        questions: str = "chat",
    ):
        self.processor = processor
        self.questions = questions
        self.template = template
        self.label_turn_markers = label_turn_markers
        self.rates = rates or FrameRates()
        self.timestamps = timestamps
        self.max_length = max_length

    def __call__(self, samples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        return self.encode([self.load(sample) for sample in samples])

    def load(self, sample: Mapping[str, Any]) -> LoadedSample:
        """Reads the media of a sample."""
        messages, num_given_answers = _chat_of(sample)
        if self.template == "caption":
            if num_given_answers:
                raise ValueError(f"{name_of(sample)} has an answer in its prompt: a caption follows only its media.")
            messages = as_caption(messages)
        frame_options = self.rates.of(str(sample.get("id")), sample.get("epoch", 0), sample.get("source"))
        loaded = load_sample(name_of(sample), messages, self.processor, frame_options)
        return replace(loaded, num_given_answers=num_given_answers)

    def encode(self, samples: Sequence[LoadedSample]) -> dict[str, torch.Tensor]:
        """Makes a batch of samples whose media have been read."""
        inputs = self.processor.apply_chat_template(
            [sample.messages for sample in samples],
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            return_assistant_tokens_mask=True,
            chat_template=CAPTION_TEMPLATE if self.template == "caption" else None,
            processor_kwargs=self._processor_options(samples),
        )
        self._check_lengths(samples, inputs["attention_mask"].sum(1).tolist())
        if self.questions == "separate":
            inputs = pack_questions(inputs, [sample.messages for sample in samples], self.processor.tokenizer)
        is_label = inputs.pop("assistant_masks").bool()
        is_label = _without_first_runs(is_label, [sample.num_given_answers for sample in samples])
        if self.label_turn_markers:
            is_label |= torch.isin(inputs["input_ids"], self._marker_ids()) & inputs["attention_mask"].bool()
        return {**inputs, "labels": inputs["input_ids"].where(is_label, IGNORED)}

    def _processor_options(self, samples: Sequence[LoadedSample]) -> dict[str, Any]:
        metadata = [video for sample in samples for video in sample.video_metadata]
        options: dict[str, Any] = {"padding": True, "padding_side": "right"}
        if metadata and self.timestamps is not None:
            options["timestamps"] = self.timestamps
        return options

    def _check_lengths(self, samples: Sequence[LoadedSample], lengths: list[int]) -> None:
        if self.max_length is None:
            return
        too_long = [place for place, length in enumerate(lengths) if length > self.max_length]
        if too_long:
            named = ", ".join(f"{samples[place].name} has {lengths[place]} tokens" for place in too_long)
            raise TooLongError(f"{named}; the limit is max_length={self.max_length}.", too_long)

    def _marker_ids(self) -> torch.Tensor:
        ids = [self.processor.tokenizer.encode(marker, add_special_tokens=False) for marker in MARKERS]
        return torch.tensor([token for tokens in ids for token in tokens])


def _chat_of(sample: Mapping[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Returns the chat of a sample and the number of answers at its beginning that are not labels."""
    if "messages" in sample:
        messages = sample["messages"]
        return json.loads(messages) if isinstance(messages, str) else messages, 0
    halves: list[Any] = [sample.get(name) for name in ("prompt", "completion")]
    if not all(isinstance(half, list) for half in halves):
        raise ValueError(
            "A sample must have 'messages', a chat, or a chat in two halves, 'prompt' and 'completion'; "
            f"this one has {', '.join(sample)}."
        )
    prompt, completion = halves
    return [*prompt, *completion], sum(message["role"] == "assistant" for message in prompt)


def _without_first_runs(mask: torch.Tensor, num_runs: list[int]) -> torch.Tensor:
    """
    Removes the first runs of True from each row of a mask `(B, T)`.

    A run is an answer: two answers are always separated by the marker of a new turn.

    Args:
        mask: The mask.
        num_runs: Number of runs to remove from each row.
    """
    starts = mask & ~pad(mask, (1, 0))[:, :-1]
    return mask & (starts.cumsum(1) > torch.tensor(num_runs)[:, None])


def name_of(sample: Mapping[str, Any]) -> str:
    """Name of a sample in error messages."""
    source = f"{sample['source']}: " if sample.get("source") else ""
    return f"{source}sample {sample.get('id', 'without an id')}"

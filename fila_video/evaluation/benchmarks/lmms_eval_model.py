"""
FiLA-Video as a model of lmms-eval, which finds it by its name `fila_video`.

The requests are sorted by video. Each video is read and encoded once, and its questions share what the language model
computed for the beginning of their prompts. A video that cannot be read gets no answer, and is counted.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from loguru import logger
from tqdm import tqdm

from .answers_file import AnswersFile, Given
from .ask_questions import Asker
from .load_benchmark_model import load_benchmark_model, weights_of
from .processes import processes
from .questions import Question, UnreadableDocument, conversation_of, generation_of, make_messages, video_of


IS_PADDING = "__padding_only__"  # requests with which lmms-eval gives all processes the same number


class FilaVideo(lmms):
    """
    A chat model of lmms-eval.

    Args:
        pretrained: Folder or Hub id of a FiLA-Video model.
        revision: Branch, tag or commit on the Hub.
        num_frames: Number of frames sampled from each video. Default of this and the next ones: the model's own.
        num_scenes: Number of scenes that are selected from them.
        scene_selection: How scenes are selected: kmeans, uniform or bsm.
        scene_supplement: Which frames join the main one of a scene: similar or dissimilar.
        scene_merging: How the frames of a scene become one: average or bsm, or the model's own way.
        timestamps: Which times the language model reads: sampled, selected, interleaved or none.
        dtype: Number format of the weights: auto, float32, bfloat16 or float16.
        device: Where the model runs. Default: the GPUs, if there are any. With several processes of accelerate, each
            has its own.
        device_map: As in transformers, in place of `device`.
        attn_implementation: As in transformers.
        batch_size: Number of questions about a video that are answered together. With 1, each question uses what was
            computed for the prompts before.
        max_batch_size: Not used; lmms-eval gives it to all models.
        answers: Folder in which answers are kept. A later run with the same options finds them there.

    Raises:
        OSError: If there is no such model.
        ValueError: If an option does not fit the model.
    """

    is_simple = False

    def __init__(
        self,
        pretrained: str,
        revision: str | None = None,
        num_frames: int | None = None,
        num_scenes: int | None = None,
        scene_selection: str | None = None,
        scene_supplement: str | None = None,
        scene_merging: str | None = None,
        timestamps: str | None = None,
        dtype: str = "auto",
        device: str | None = None,
        device_map: str | None = None,
        attn_implementation: str | None = None,
        batch_size: int | str = 1,
        max_batch_size: int | None = None,
        answers: str | None = None,
    ):
        super().__init__()
        processes()
        self.accelerator = Accelerator()
        self._rank, self._world_size = self.accelerator.process_index, self.accelerator.num_processes
        options: dict[str, Any] = {
            "revision": revision,
            "dtype": dtype,
            "attn_implementation": attn_implementation,
            "scene_merging": scene_merging,
            "num_frames": num_frames,
            "num_scenes": num_scenes,
            "scene_selection": scene_selection,
            "scene_supplement": scene_supplement,
            "timestamps": timestamps,
        }
        self.pipe = load_benchmark_model(str(pretrained), placement=self._placement(device, device_map), **options)
        identity = json.dumps([weights_of(str(pretrained), revision), options])
        kept = AnswersFile(Path(answers) if answers else None, self._rank)
        self.asker = Asker(self.pipe, kept, identity=identity, batch_size=_checked_batch_size(batch_size))

    @property
    def device(self) -> torch.device:
        """Where lmms-eval puts what its processes exchange."""
        return self.accelerator.device

    @property
    def failures(self) -> list[Given]:
        """The questions of this process that got no answer because their videos cannot be read."""
        return [given for given in self.asker.answers.added if given.failure is not None]

    def generate_until(self, requests: list[Instance]) -> list[GenerationResult]:
        """
        Answers questions.

        Args:
            requests: lmms-eval's requests of the form `(text, doc_to_messages, generation_kwargs, document, task,
                split)`.

        Returns:
            For each request a text with the numbers of tokens. The text is empty if the video cannot be read.
        """
        questions, unreadable = [], {}
        for place, request in enumerate(requests):
            if request.metadata.get(IS_PADDING):
                continue
            _, make, given, document, task, split = request.args
            try:
                messages = make_messages(make, self.task_dict[task][split][document])
            except UnreadableDocument as error:
                unreadable[place] = _unreadable(task, document, error)
                continue
            questions.append(_question(place, task, document, messages, given))
        return self._results(len(requests), self._answers(questions, unreadable))

    def generate_until_multi_round(self, requests: list[Instance]) -> list[list[str]]:
        """
        Answers questions whose next rounds depend on the answers before, all requests of a round together.

        Args:
            requests: As in `generate_until`.

        Returns:
            For each request its answers, one for each round.
        """
        rounds: list[list[str]] = [[] for _ in requests]
        states: dict[int, Any] = {
            place: None for place, request in enumerate(requests) if not request.metadata.get(IS_PADDING)
        }
        number = 0
        while states:
            questions, unreadable = [], {}
            for place in list(states):
                _, make, given, document, task, split = requests[place].args
                try:
                    messages = self._messages_of_round(place, number, requests[place], rounds[place], states)
                except UnreadableDocument as error:
                    unreadable[place] = _unreadable(task, document, error)
                    continue
                if messages is not None:
                    questions.append(_question(place, task, document, messages, given))
            for place, answer in self._answers(questions, unreadable).items():
                rounds[place].append(answer.answer or "")
                if answer.failure is not None:
                    states.pop(place, None)
            number += 1
        return rounds

    def _messages_of_round(
        self, place: int, number: int, request: Instance, answers: list[str], states: dict[int, Any]
    ) -> Any:
        """Returns the messages of a round; None if there are no more, and then the place leaves `states`."""
        _, make, _, document, task, split = request.args
        doc = self.task_dict[task][split][document]
        if number == 0:
            return make_messages(make, doc)
        made = make_messages(
            make, doc, round_idx=number, previous_output=list(answers), previous_round_info=states[place]
        )
        if not (isinstance(made, tuple) and len(made) == 4) or made[1]:
            del states[place]
            return None
        states[place] = made[3]
        return made[0]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """
        Measures how likely texts are as answers.

        Args:
            requests: lmms-eval's requests of the form `(text, continuation, doc_to_visual, document, task, split)`.

        Returns:
            For each request the sum of the log probabilities of the continuation's tokens, and whether greedy
            generation begins with them. The sum is minus infinity if the video cannot be read.
        """
        places: dict[tuple, list[int]] = {}
        for place, request in enumerate(requests):
            if not request.metadata.get(IS_PADDING):
                text, _, _, document, task, split = request.args
                places.setdefault((text, document, task, split), []).append(place)
        questions, unreadable = [], {}
        for (text, document, task, split), group in places.items():
            doc = self.task_dict[task][split][document]
            _, _, visuals, *_ = requests[group[0]].args
            texts = tuple(_continuation(requests[place].args[1], doc) for place in group)
            try:
                messages = _about_visuals(make_messages(visuals, doc) or [], text)
            except UnreadableDocument as error:
                unreadable[group[0]] = _unreadable(task, document, error)
                continue
            questions.append(_question(group[0], task, document, messages, {}, continuations=texts))
        given = self._answers(questions, unreadable)
        results: list[tuple[float, bool]] = [(float("-inf"), False)] * len(requests)
        for group in places.values():
            for place, found in zip(group, given[group[0]].answer or [], strict=False):
                results[place] = (float(found[0]), bool(found[1]))
        return results

    def clean(self) -> None:
        """Frees the memory of the model, when lmms-eval needs no more answers."""
        del self.pipe, self.asker.pipe
        super().clean()

    def _answers(self, questions: Sequence[Question], unreadable: dict[int, Given]) -> dict[int, Given]:
        self.asker.answers.add(list(unreadable.values()))
        total = len(questions)
        with tqdm(total=total, desc="Answers", unit="question", disable=self.rank != 0) as progress:
            given = {**self.asker.answer(questions, progress.update), **unreadable}
        for each in given.values():
            if each.failure is not None:
                logger.warning(f"{each.task}, document {each.document}: no answer. {each.failure}")
        return given

    def _results(self, number: int, given: dict[int, Given]) -> list[GenerationResult]:
        results = [GenerationResult("")] * number
        for place, each in given.items():
            counts = TokenCounts(input_tokens=each.input_tokens, output_tokens=each.output_tokens)
            results[place] = GenerationResult(each.answer or "", counts)
        return results

    def _placement(self, device: str | None, device_map: str | None) -> dict[str, Any]:
        if self._world_size > 1:
            if device_map is not None:
                raise ValueError(f"device_map={device_map!r}: each of {self._world_size} processes has its own device.")
            return {"device": self.accelerator.device}
        if device_map is not None:
            return {"device_map": device_map}
        if device is None and torch.cuda.is_available():
            return {"device_map": "auto"}
        return {"device": device or self.accelerator.device}


def _checked_batch_size(given: int | str) -> int:
    try:
        size = int(given)
    except ValueError:
        size = 0
    if size < 1:
        raise ValueError(f"batch_size={given!r} must be a number of questions, at least 1.")
    return size


def _question(place: int, task: str, document: Any, messages: Any, given: dict[str, Any], **more: Any) -> Question:
    conversation = conversation_of(messages)
    arguments, until = generation_of(given)
    return Question(place, task, document, conversation, video_of(conversation), arguments, until, **more)


def _unreadable(task: str, document: Any, error: Exception) -> Given:
    return Given(key=f"{task} {document}", task=task, document=document, video="", failure=str(error))


def _continuation(given: Any, doc: Any) -> str:
    return str(given(doc) if callable(given) else given)


def _about_visuals(visuals: Sequence[Any], text: str) -> list[dict[str, Any]]:
    """A user's turn about videos, given by their paths, and pictures."""
    kinds = ["video" if isinstance(visual, str) else "image" for visual in visuals]
    content = [{"type": kind, "url": visual} for kind, visual in zip(kinds, visuals, strict=True)]
    return [{"role": "user", "content": [*content, {"type": "text", "text": text}]}]

"""Asks the pipeline questions about one video after the other, and keeps each answer as soon as it is there."""

import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

from .answers_file import AnswersFile, Given
from .likelihood import Likelihoods
from .questions import Question, by_video, ended
from .token_counts import Counts, TokenCounter


class Asker:
    """
    Answers questions with a pipeline.

    Args:
        pipe: A `video-text-to-text` pipeline.
        answers: Where answers are kept, and those of earlier runs are found.
        identity: What distinguishes this model with its options from others, for the keys of answers.
        batch_size: Number of prompts that go through the model together.
    """

    def __init__(self, pipe: Any, answers: AnswersFile, *, identity: str, batch_size: int = 1):
        self.pipe, self.answers = pipe, answers
        self._identity, self._batch_size = identity, batch_size

    def answer(self, questions: Sequence[Question], done: Callable[[int], object]) -> dict[int, Given]:
        """
        Returns what was given to each question, by its place.

        Args:
            questions: In any order.
            done: Called with a number of questions whenever these have been answered.
        """
        given: dict[int, Given] = {}
        keys = {question.place: self._key(question) for question in questions}
        unknown = []
        for question in questions:
            if (known := self.answers.get(keys[question.place])) is None:
                unknown.append(question)
            else:
                given[question.place] = known
        done(len(given))
        for batch in self._batches(unknown):
            answered = self._ask(batch, [keys[question.place] for question in batch])
            self.answers.add(answered)
            given |= {question.place: each for question, each in zip(batch, answered, strict=True)}
            done(len(batch))
        return given

    def _batches(self, questions: Sequence[Question]) -> Iterator[list[Question]]:
        for group in by_video(questions):
            size = 1 if group[0].continuations else self._batch_size
            yield from (group[start : start + size] for start in range(0, len(group), size))

    def _ask(self, batch: list[Question], keys: list[str]) -> list[Given]:
        start = time.monotonic()
        found: list[tuple[Any, Counts | None]]
        failure = None
        try:
            found = [self._measure(batch[0])] if batch[0].continuations else self._generate(batch)
        except OSError as error:  # the video cannot be read
            found, failure = [(None, None)] * len(batch), f"{type(error).__name__}: {' '.join(str(error).split())}"
        seconds = (time.monotonic() - start) / len(batch)
        return [
            _given(question, key, answer, counts, seconds, failure)
            for question, key, (answer, counts) in zip(batch, keys, found, strict=True)
        ]

    def _generate(self, batch: list[Question]) -> list[tuple[Any, Counts | None]]:
        counter = TokenCounter()
        answers = self.pipe(
            [question.messages for question in batch],
            batch_size=len(batch),
            stopping_criteria=[counter],
            **batch[0].generation,
        )
        texts = [
            ended(answer[0]["generated_text"], question.until) for answer, question in zip(answers, batch, strict=True)
        ]
        return list(zip(texts, counter.counts(**self._tokens()), strict=True))

    def _measure(self, question: Question) -> tuple[Any, Counts]:
        """The likelihoods of a question's continuations. An assistant's turn begins without a space."""
        tokenizer = self.pipe.processor.tokenizer
        texts = [text.lstrip() for text in question.continuations]
        likelihoods = Likelihoods([tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts])
        self.pipe(question.messages, custom_generate=likelihoods)
        assert likelihoods.prompt is not None
        prompt = likelihoods.prompt[0].tolist()
        counts = Counts(len(prompt), prompt.count(self._tokens()["video_token_id"]), 0)
        return [list(each) for each in likelihoods.found], counts

    def _tokens(self) -> dict[str, Any]:
        config = self.pipe.model.generation_config
        ends = config.eos_token_id
        return {
            "video_token_id": self.pipe.model.config.video_token_id,
            "pad_token_id": config.pad_token_id,
            "ends": set(ends if isinstance(ends, list) else [ends]),
        }

    def _key(self, question: Question) -> str:
        place = f"{question.task} {question.document}"  # questions of two documents may be the same
        return blake2b(f"{self._identity} {place} {question.digest()}".encode(), digest_size=20).hexdigest()


def _given(
    question: Question, key: str, answer: Any, counts: Counts | None, seconds: float, failure: str | None
) -> Given:
    return Given(
        key=key,
        task=question.task,
        document=question.document,
        video=question.video,
        prompt=blake2b(question.prompt_text().encode(), digest_size=20).hexdigest(),
        answer=answer,
        input_tokens=None if counts is None else counts.input,
        video_tokens=None if counts is None else counts.video,
        output_tokens=None if counts is None else counts.output,
        seconds=round(seconds, 4),
        failure=failure,
    )

"""Asks the pipeline: all questions about a video at once, and one record for each answer or error."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain, groupby
from typing import Any

from processing_fila.reader_errors import VideoReadError

from .requests import Request, is_url


Record = dict[str, Any]


def by_video(requests: Iterable[Request]) -> Iterator[list[Request]]:
    """Groups neighboring requests about the same video with the same options: the video is read and encoded once."""
    for _, group in groupby(requests, key=lambda request: (request.source, request.options)):
        yield list(group)


def answer_all(pipe: Any, groups: Iterable[list[Request]], **call: Any) -> Generator[list[Record]]:
    """
    Asks all questions about all videos. The next video is read while the model answers about this one.

    Args:
        pipe: The pipeline.
        groups: Requests, those about one video together.
        call: Further arguments of the pipeline.

    Yields:
        For each group a record for each request: its fields, `answer` and `scenes`; or `answer` None and `error`, if
        the video cannot be read or an option does not fit it.
    """
    left = list(groups)
    while left:
        # An error ends what the pipeline yields; those that are left get a new call.
        with closing(pipe(map(_conversation, chain(*left)), return_scenes=True, **call)) as answers:
            has_failed = False
            while left and not has_failed:
                group = left.pop(0)
                records, error = _answer_group(answers, group)
                has_failed = error is not None
                failed = {"answer": None, "error": _told(error)}
                yield records + [{**request.record(), **failed} for request in group[len(records) :]]


def _answer_group(answers: Iterator[Any], group: list[Request]) -> tuple[list[Record], Exception | None]:
    """Returns the records of the requests that are answered, and the error that is the reason why others are not."""
    records = []
    try:
        for request in group:
            (answered,) = next(answers)
            found = {"answer": answered["generated_text"], "scenes": answered["scenes"]}
            records.append({**request.record(), **found})
    except BrokenPipeError:  # nobody reads what is printed any more
        raise
    except (OSError, ValueError) as error:
        return records, error
    return records, None


def _conversation(request: Request) -> list[dict[str, Any]]:
    """The question about the video, with the frames, times and subtitles of the request."""
    video = {"type": "video", "video": request.source, **request.arguments()}
    return [{"role": "user", "content": [video, {"type": "text", "text": request.question}]}]


def _told(error: Exception | None) -> str:
    kind = "" if type(error) in (ValueError, OSError) else f"{type(error).__name__}: "
    return f"{kind}{' '.join(str(error).split())}"


def error_line(record: Record) -> str:
    """The error of a record, which names the video once."""
    text = record["error"].removeprefix(f"{VideoReadError.__name__}: ")
    return text if record["video"] in text or is_url(record["video"]) else f"{record['video']}: {text}"


def find_scenes(pipe: Any, video: str, **call: Any) -> list[dict[str, Any]]:
    """Returns the scenes of a video. They do not depend on the question, and no answer is needed to find them."""
    return pipe(video, text="What happens?", return_scenes=True, **{**call, "max_new_tokens": 1})[0]["scenes"]


def nothing(number: int) -> None:
    """Does nothing when an answer begins or ends."""


def streamer(
    pipe: Any,
    write: Callable[[str], None],
    *,
    begin: Callable[[int], None] = nothing,
    end: Callable[[int], None] = nothing,
) -> Any:
    """
    Makes a streamer of `generate` that passes text on as it is generated.

    Args:
        pipe: The pipeline, for its tokenizer.
        write: Called with each piece of text.
        begin: Called before the first piece of each answer, with the number of the answer, from 0.
        end: Called after the last piece of each answer.
    """
    from transformers import TextStreamer

    class Streamer(TextStreamer):
        num_ended = 0

        def put(self, value: Any) -> None:
            if self.next_tokens_are_prompt:
                begin(self.num_ended)
            super().put(value)

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            write(text)
            if stream_end:
                end(self.num_ended)
                self.num_ended += 1

    return Streamer(pipe.processor.tokenizer, skip_prompt=True, skip_special_tokens=True)

"""What is asked about which video: from the arguments of `ask`, from folders, and from files of requests."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from fila_video.common.files import is_seconds, read_records

from .usage import BadUsage


VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts",
    ".webm", ".wmv",
)  # fmt: skip
REQUESTS_SUFFIX = ".jsonl"
REQUEST_FIELDS = ("video", "question", "id", "num_frames", "fps", "start_seconds", "end_seconds", "subtitles")
TRACK = "track"  # in place of a subtitle file: the text track of the video


@dataclass(frozen=True)
class Request:
    """One question about one video.

    Attributes:
        video: Path or URL, as the user wrote it.
        question: The question.
        id: What the user calls the request, if a file of requests has ids.
        options: Frames, times and subtitles of this request, in place of those of the command.
        source: Path or URL that is opened.
        subtitles: Path or URL of the subtitle file that is opened, if the request names one.
    """

    video: str
    question: str
    id: str | int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    subtitles: str = ""

    def arguments(self) -> dict[str, Any]:
        """The options as arguments of the pipeline."""
        if "subtitles" not in self.options:
            return self.options
        return {**self.options, "subtitles": self.subtitles or True}

    def record(self) -> dict[str, Any]:
        """The request as JSON values, as a file of requests has it."""
        id_of = {} if self.id is None else {"id": self.id}
        return {**id_of, "video": self.video, "question": self.question, **self.options}


def split_arguments(arguments: Sequence[str], questions: Sequence[str]) -> tuple[list[str], list[str]]:
    """
    Tells videos and questions apart: videos come first, and exist or look like videos.

    Args:
        arguments: The arguments of `ask` that are not options.
        questions: The questions that were given with an option. If there are any, all arguments are videos.

    Returns:
        The videos (files, folders, URLs, files of requests) and the questions.

    Raises:
        BadUsage: If there is no video, or a video comes after a question.
        FileNotFoundError: If an argument is the name of a video that does not exist.
    """
    videos = list(arguments) if questions else list(takewhile(_is_meant_as_video, arguments))
    rest = arguments[len(videos) :]
    if not videos:
        raise BadUsage(
            f"{arguments[0]!r} is not a video: there is no such file or folder, and it is not a URL. Name the videos "
            "before the questions."
        )
    for video in rest:
        if _is_meant_as_video(video):
            raise BadUsage(f"{video!r} is a video and follows a question: name all videos first.")
    for video in videos:
        if questions and " " in video and not _is_meant_as_video(video):
            raise BadUsage(f"{video!r} is not a video: next to --question, all other arguments are videos.")
        check_exists(video)
    return videos, [*rest, *questions]


def check_exists(video: str) -> None:
    """Raises a `FileNotFoundError` if there is no such file or folder. URLs are not looked up."""
    if not is_url(video) and not Path(video).exists():
        raise FileNotFoundError(f"{video}: there is no such file or folder.")


def is_url(text: str) -> bool:
    """Whether a video is named by a URL."""
    return re.match(r"(https?|data):", text) is not None


def _is_meant_as_video(argument: str) -> bool:
    if is_url(argument):
        return True
    try:
        exists = Path(argument).exists()
    except OSError:  # a long question is too long for a name
        return False
    is_name = " " not in argument and argument.lower().endswith((*VIDEO_SUFFIXES, REQUESTS_SUFFIX))
    return exists or is_name


def find_requests(videos: Sequence[str], questions: Sequence[str], *, recursive: bool) -> Iterator[Request]:
    """
    Yields every question about every video, in the order of the arguments.

    Args:
        videos: Files, folders, URLs, and files of requests.
        questions: Asked about every video, and in place of a question that a line of a file of requests lacks.
        recursive: Whether videos are also taken from the folders inside of a folder.

    Raises:
        BadUsage: If there is nothing to ask about a video.
        ValueError: If a file of requests is not valid, or a folder has no videos.
    """
    for video in videos:
        if is_url(video) or not Path(video).is_dir():
            if video.endswith(REQUESTS_SUFFIX) and not is_url(video):
                yield from read_requests(Path(video), questions)
                continue
            found = [video]
        else:
            found = videos_in(Path(video), recursive=recursive)
        if not questions:
            raise BadUsage(f"there is no question about {video}: add one after the videos, in quotes.")
        yield from (Request(each, question, source=each) for each in found for question in questions)


def videos_in(folder: Path, *, recursive: bool) -> list[str]:
    """
    Lists the videos of a folder, sorted by name. Hidden files are left out.

    Raises:
        ValueError: If there are none.
    """
    paths = folder.rglob("*") if recursive else folder.glob("*")
    videos = sorted(path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    found = [str(path) for path in videos if not path.name.startswith(".")]
    if not found:
        advice = "" if recursive else "; --recursive also looks into the folders inside of it"
        raise ValueError(f"{folder}: no videos in this folder{advice}.")
    return found


def read_requests(path: Path, questions: Sequence[str]) -> Iterator[Request]:
    """
    Yields the requests of a file of JSON lines such as `{"video": "clip.mp4", "question": "What happens?"}`.

    Paths of videos and subtitles start from the folder of the file.

    Args:
        path: The file.
        questions: Asked about videos of lines without a question.

    Raises:
        ValueError: If a line is not a request. The message names the file and the line.
    """
    for number, record in read_records(path):
        place = f"{path}, line {number}"
        _check_request(record, place)
        asked = [record["question"]] if record.get("question") is not None else questions
        if not asked:
            raise ValueError(f'{place}: "question" is missing, and the command asks none.')
        video = record["video"]
        source = video if is_url(video) else str(path.parent / video)
        options = {name: record[name] for name in REQUEST_FIELDS[3:] if record.get(name) is not None}
        lines = options.get("subtitles", TRACK)
        subtitles = "" if lines == TRACK else lines if is_url(lines) else str(path.parent / lines)
        yield from (Request(video, question, record.get("id"), options, source, subtitles) for question in asked)


def _check_request(record: dict[str, Any], place: str) -> None:
    for name in record:
        if name not in REQUEST_FIELDS:
            raise ValueError(f"{place}: {name!r} is not a field of a request; they are {', '.join(REQUEST_FIELDS)}.")
    given = {name: value for name, value in record.items() if value is not None}
    if not isinstance(given.get("video"), str):
        raise ValueError(f'{place}: "video" must be a path or a URL, not {given.get("video")!r}.')
    if not isinstance(given.get("question", ""), str):
        raise ValueError(f'{place}: "question" must be a text, not {given["question"]!r}.')
    if not isinstance(given.get("subtitles", ""), str):
        raise ValueError(f'{place}: "subtitles" must be a path, a URL or "{TRACK}", not {given["subtitles"]!r}.')
    if not isinstance(given.get("id", ""), str | int):
        raise ValueError(f'{place}: "id" must be a text or a whole number, not {given["id"]!r}.')
    if not _is_count(given.get("num_frames", 1)):
        raise ValueError(f'{place}: "num_frames" must be a whole number from 1 on, not {given["num_frames"]!r}.')
    for name in ("fps", "start_seconds", "end_seconds"):
        if not is_seconds(given.get(name, 0)) or (name == "fps" and given.get(name) == 0):
            raise ValueError(f'{place}: "{name}" must be a number that is not negative, not {given[name]!r}.')


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1

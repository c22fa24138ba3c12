"""While the model works on a video, the next one is read: at most one, in order, and nothing stays behind."""

import gc
import io
import threading
import weakref
from types import SimpleNamespace

import psutil
import pytest
from transformers import pipeline

from modeling_fila import pipeline_fila
from modeling_fila.read_ahead import items_of_each, read_ahead
from processing_fila.loaded_video import LoadedVideo
from processing_fila.reader_errors import VideoReadError
from tests.clips import draw_clip


QUESTION, OTHER_QUESTION = "What?", "How many?"
PATIENCE = 60  # seconds until a test that waits for a thread fails


@pytest.fixture(scope="module")
def pipe(folder):
    return pipeline("video-text-to-text", model=str(folder), max_new_tokens=3, num_frames=8)


@pytest.fixture(autouse=True)
def _no_video_is_known(pipe):
    pipe.video_store.clear()


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    return [str(draw_clip(folder / f"{number}.mp4", seconds=1 + number, fps=5)) for number in range(4)]


class NotedFile(io.BytesIO):
    """A video that tells when it is read for the first time."""

    def __init__(self, path, number, events):
        with open(path, "rb") as file:
            super().__init__(file.read())
        self.number, self.events, self.begun = number, events, threading.Event()

    def read(self, *arguments):
        if not self.begun.is_set():
            self.events.append(f"read {self.number}")
            self.begun.set()
        return super().read(*arguments)


class DataSet:
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


FORMS = {"list": list, "generator": lambda items: (item for item in items), "data set": DataSet}


def generating(pipe, monkeypatch, before=lambda number: None):
    """Calls `before` with the number of each call of `generate`, before the call."""
    generate, numbers = pipe.model.generate, iter(range(100))

    def noted(*arguments, **options):
        before(next(numbers))
        return generate(*arguments, **options)

    monkeypatch.setattr(pipe.model, "generate", noted)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_next_video_is_read_before_this_one_is_answered(pipe, clips, monkeypatch, form):
    events = []
    videos = [NotedFile(clip, number, events) for number, clip in enumerate(clips)]

    def wait_for_the_next(number):
        assert number + 1 == len(videos) or videos[number + 1].begun.wait(PATIENCE)
        events.append(f"answer {number}")

    generating(pipe, monkeypatch, wait_for_the_next)
    assert len(list(pipe(form(videos), text=QUESTION))) == len(videos)
    assert events == ["read 0", "read 1", "answer 0", "read 2", "answer 1", "read 3", "answer 2", "answer 3"]


def test_without_it_each_video_is_read_in_its_turn(pipe, clips, monkeypatch):
    events = []
    videos = [NotedFile(clip, number, events) for number, clip in enumerate(clips[:3])]
    generating(pipe, monkeypatch, lambda number: events.append(f"answer {number}"))
    threads = threading.active_count()
    for _ in pipe((video for video in videos), text=QUESTION, read_ahead=False):
        assert threading.active_count() == threads
    assert events == ["read 0", "answer 0", "read 1", "answer 1", "read 2", "answer 2"]


@pytest.mark.parametrize(
    "options",
    [{}, {"batch_size": 2}, {"video_store": None}, {"return_scenes": True, "num_scenes": 3}, {"fps": 5}],
    ids=lambda options: "-".join(options) or "plain",
)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_answers_are_the_same_and_in_order(pipe, clips, monkeypatch, tmp_path, form, options):
    """Also for a video that is encoded as it is read, one that cannot be read, and the same one several times."""
    monkeypatch.setattr(pipeline_fila, "STREAMS_ABOVE", 9)  # with 5 frames per second, the longer ones
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    order = [*clips[::-1], clips[0], clips[0], str(broken), clips[1], clips[2], clips[1]]
    prompts = [{"video": video, "text": OTHER_QUESTION if place % 2 else QUESTION} for place, video in enumerate(order)]
    answers = []
    for reads_ahead in (False, True):
        pipe.video_store.clear()
        answers.append(list(pipe(form(prompts), on_error="return", read_ahead=reads_ahead, **options)))
    assert answers[0] == answers[1]
    assert [answer["generated_text"] is None for (answer,) in answers[1]] == [video == str(broken) for video in order]
    assert "broken.mp4" in answers[1][6][0]["error"]


def test_a_video_that_is_encoded_as_it_is_read_is_encoded_in_the_thread_of_the_caller(pipe, clips, monkeypatch):
    monkeypatch.setattr(pipeline_fila, "STREAMS_ABOVE", 1)
    encode, threads = pipe.model.base_model.encode_video, []

    def noted(*arguments, **options):
        threads.append(threading.current_thread())
        return encode(*arguments, **options)

    monkeypatch.setattr(pipe.model, "encode_video", noted)
    assert len(pipe(clips, text=QUESTION)) == len(clips)
    assert threads == [threading.main_thread()] * len(clips)


def test_a_video_of_the_batch_before_is_not_read_again(pipe, clips):
    events = []
    videos = [NotedFile(clip, number, events) for number, clip in enumerate(clips[:2])]
    prompts = [{"video": video, "text": f"{QUESTION} {number}"} for video in videos for number in range(3)]
    assert len(list(pipe(prompt for prompt in prompts))) == 6
    assert events == ["read 0", "read 1"]


@pytest.mark.parametrize("reads_ahead", [True, False])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_frames_of_at_most_two_videos_are_in_memory(pipe, clips, monkeypatch, form, reads_ahead):
    loaded, numbers = [], []
    videos = [NotedFile(clip, number, []) for number, clip in enumerate(clips)]

    def noted(cls, *arguments):
        video = make(*arguments)
        loaded.append(weakref.ref(video.frames))
        return video

    def count(number=None):
        if reads_ahead and number is not None and number + 1 < len(videos):
            videos[number + 1].begun.wait(PATIENCE)
        numbers.append(sum(frames() is not None for frames in loaded))

    make = LoadedVideo.of
    monkeypatch.setattr(LoadedVideo, "of", classmethod(noted))
    generating(pipe, monkeypatch, count)
    for _ in pipe(form(videos), text=QUESTION, read_ahead=reads_ahead):
        count()
    assert len(loaded) == len(videos) and max(numbers) <= 1 + reads_ahead
    gc.collect()
    assert all(frames() is None for frames in loaded)


@pytest.fixture
def leaves_nothing(clips):
    """Compares threads and open files after the test with those before."""
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == threads
    assert [file.path for file in psutil.Process().open_files() if file.path in clips] == []


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_call_that_is_over_leaves_nothing(pipe, clips, form):
    assert len(list(pipe(form(clips), text=QUESTION))) == len(clips)


@pytest.mark.usefixtures("leaves_nothing")
def test_a_generator_that_nobody_wants_any_more_leaves_nothing(pipe, clips):
    answers = pipe((clip for clip in clips), text=QUESTION)
    next(answers)
    assert any(thread.name.startswith("read_ahead") for thread in threading.enumerate())
    answers.close()
    del answers
    forgotten = pipe((clip for clip in clips), text=QUESTION)
    next(forgotten)
    del forgotten


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, VideoReadError])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_error_leaves_nothing_and_comes_after_the_answers_before(pipe, clips, monkeypatch, form, error):
    def fail(number):
        if number == 1:
            raise error("stop")

    generating(pipe, monkeypatch, fail)
    answers = []
    with pytest.raises(error, match="stop") as raised:  # the traceback is alive while threads are counted
        answers.extend(answer for answer in pipe(form(clips), text=QUESTION))
    if form is list and error is not KeyboardInterrupt:
        answers = raised.value.answers
    assert len(answers) == (0 if form is list and error is KeyboardInterrupt else 1)


@pytest.mark.usefixtures("leaves_nothing")
def test_a_video_that_cannot_be_read_raises_its_error_in_its_turn(pipe, clips, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    answers = pipe((video for video in [clips[0], broken, clips[1]]), text=QUESTION)
    next(answers)
    with pytest.raises(VideoReadError, match=r"broken\.mp4"):
        next(answers)


# Without a model


def batch(number, known=None):
    return SimpleNamespace(number=number, known_videos=object() if known is None else known)


def test_an_error_of_the_source_comes_after_the_batches_before():
    def source():
        yield batch(0)
        yield batch(1)
        raise RuntimeError("no more")

    found = []
    with pytest.raises(RuntimeError, match="no more"):
        found.extend(item.number for item in read_ahead(source(), lambda item, is_ahead: None))
    assert found == [0, 1]


def test_the_source_is_asked_in_the_thread_of_the_caller_one_batch_ahead():
    taken = []

    def source():
        for number in range(5):
            taken.append((number, threading.current_thread()))
            yield batch(number)

    batches = read_ahead(source(), lambda item, is_ahead: None)
    next(batches)
    next(batches)
    batches.close()
    assert taken == [(number, threading.current_thread()) for number in range(3)]


def test_a_batch_that_shares_videos_is_read_in_its_turn_and_others_in_the_thread():
    known, places = object(), []

    def read(item, is_ahead):
        assert is_ahead == (threading.current_thread() is not threading.main_thread())
        places.append((item.number, is_ahead))

    batches = [batch(0), batch(1, known), batch(2, known), batch(3), batch(4)]
    assert [item.number for item in read_ahead(batches, read)] == [0, 1, 2, 3, 4]
    assert places == [(0, False), (1, True), (2, False), (3, True), (4, True)]


def test_a_batch_that_could_not_be_read_is_yielded_and_nothing_is_read_behind_it():
    read = []

    def fail_once(item, is_ahead):
        read.append(item.number)
        if item.number == 1:
            raise OSError("broken")

    batches = read_ahead(map(batch, range(4)), fail_once)
    assert [next(batches).number, next(batches).number] == [0, 1] and read == [0, 1]
    assert [item.number for item in batches] == [2, 3] and read == [0, 1, 2, 3]


def test_items_of_batches_close_what_they_come_from():
    ended = []

    def source():
        try:
            yield [1, 2]
            yield [3]
        finally:
            ended.append(True)

    items = items_of_each(source())
    assert next(items) == 1 and not ended
    items.close()
    assert ended and list(items_of_each(iter([[1], [2, 3]]))) == [1, 2, 3]

"""`fila-video ask` gives the pipeline's own answers, in every form of output."""

import json
import shutil
import threading

import pytest

from fila_video.cli.show import scene_lines
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import video_loading
from processing_fila.reader import VideoReader
from tests.clips import draw_clip


QUESTIONS = ["What is in the first scene?", "How many scenes are there?"]
NOTICE = "fila-video ask: This is the small model, which knows drawn shapes only"


@pytest.fixture(scope="module")
def expected(oracle, clip):
    """The pipeline's answers, with 6 scenes of 20 frames."""
    answers = oracle(str(clip), text=QUESTIONS, return_scenes=True, num_scenes=6, num_frames=20)
    return [answer[0] for answer in answers]


OPTIONS = ("--num-scenes", "6", "--num-frames", "20")


def test_one_answer_and_its_scenes(fila, clip, expected):
    done = fila("ask", clip, QUESTIONS[0], *OPTIONS)
    scenes = "\n".join(scene_lines(expected[0]["scenes"], width=80))
    assert done.out == f"{expected[0]['generated_text'].strip()}\n\n{scenes}\n"
    assert done.err.startswith(NOTICE) and done.err.count("\n") == 1
    assert "--model llava-hf/llava-onevision-qwen2-0.5b-ov-hf" in done.err
    assert done.status == 0


def test_several_videos_and_questions(fila, clip, expected, tmp_path, monkeypatch):
    for name in ("one.mp4", "two.mp4"):
        shutil.copy(clip, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    done = fila("ask", ".", "-q", QUESTIONS[0], "-q", QUESTIONS[1], "--no-scenes", *OPTIONS)
    block = "".join(
        f"> {question}\n{answer['generated_text'].strip()}\n"
        for question, answer in zip(QUESTIONS, expected, strict=True)
    )
    assert (done.status, done.out) == (0, f"one.mp4\n{block}\ntwo.mp4\n{block}")


def records(clip, expected):
    return [
        {"video": str(clip), "question": question, "answer": answer["generated_text"], "scenes": answer["scenes"]}
        for question, answer in zip(QUESTIONS, expected, strict=True)
    ]


def test_json(fila, clip, expected):
    done = fila("ask", clip, *QUESTIONS, "--json", *OPTIONS)
    assert json.loads(done.out) == {
        "model": "fila-video-mini",
        "options": {"num_scenes": 6, "num_frames": 20},
        "answers": records(clip, expected),
    }


def test_json_lines(fila, clip, expected):
    done = fila("ask", clip, *QUESTIONS, "--jsonl", *OPTIONS)
    assert [json.loads(line) for line in done.out.splitlines()] == records(clip, expected)


def test_options_reach_the_pipeline(fila, clip, oracle):
    options = {"start_seconds": 2, "end_seconds": 6, "fps": 2, "scene_selection": "uniform", "timestamps": "none"}
    arguments = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = fila("ask", clip, QUESTIONS[0], "--jsonl", *arguments, "--max-new-tokens", "2", "--dtype", "bfloat16")
    (answer,) = oracle(str(clip), text=QUESTIONS[0], return_scenes=True, max_new_tokens=2, **options)
    found = json.loads(done.out)
    assert (found["answer"], found["scenes"]) == (answer["generated_text"], answer["scenes"])
    assert all(2 <= second <= 6 for scene in found["scenes"] for second in scene["frame_seconds"])


def test_a_video_that_cannot_be_read_is_an_error_among_the_answers(fila, clip, tmp_path):
    (tmp_path / "broken.mp4").write_text("no video")
    requests = [("broken.mp4", "What?"), ("missing.mp4", "What?"), (str(clip), QUESTIONS[0])]
    file = tmp_path / "requests.jsonl"
    file.write_text("".join(json.dumps({"video": v, "question": q}) + "\n" for v, q in requests))
    output = tmp_path / "answers.jsonl"

    done = fila("ask", file, "--output", output, *OPTIONS)
    assert (done.status, done.out) == (1, "")
    errors = [line for line in done.err.splitlines() if ".mp4" in line and "knows drawn" not in line]
    assert len(errors) == 2 and all(line.startswith("fila-video ask: ") for line in errors)
    assert "broken.mp4" in errors[0] and "missing.mp4 does not exist" in errors[1]
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["answer"] is None for line in lines] == [True, True, False]
    assert lines[0]["error"].startswith("VideoReadError: ") and "broken.mp4" in lines[0]["error"]

    shutil.copy(clip, tmp_path / "missing.mp4")
    done = fila("ask", file, "--output", output, *OPTIONS, "--stop-on-error")
    assert done.status == 1 and f"{output} already has 1 of 3 answers" in done.err
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(line["video"], line["answer"] is None) for line in lines] == [(str(clip), False), ("broken.mp4", True)]

    shutil.copy(clip, tmp_path / "broken.mp4")
    assert fila("ask", file, "--output", output, *OPTIONS).status == 0
    done = fila("ask", file, "--output", output, *OPTIONS)
    assert done.status == 0 and "already has 3 of 3 answers" in done.err and "small model" not in done.err


def test_requests_with_their_own_frames(fila, clip, oracle, tmp_path):
    """Neighbors about one video with different options, and an option that does not fit between two that do."""
    options = [{"num_frames": 8}, {"fps": 2, "end_seconds": 3}, {"start_seconds": 99}, {"start_seconds": 4}]
    file = tmp_path / "requests.jsonl"
    requests = [{"video": str(clip), "question": QUESTIONS[0], **own} for own in options]
    file.write_text("".join(json.dumps(request) + "\n" for request in requests))
    done = fila("ask", file, "--jsonl", *OPTIONS)
    found = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 1 and "start_seconds=99" in found.pop(2).pop("error")
    for record, own in zip(found, [*options[:2], options[3]], strict=True):
        frames = own if "fps" in own else {"num_frames": 20, **own}
        (answer,) = oracle(str(clip), text=QUESTIONS[0], return_scenes=True, num_scenes=6, **frames)
        assert (record["answer"], record["scenes"]) == (answer["generated_text"], answer["scenes"])


@pytest.mark.parametrize("form", [["--jsonl"], []], ids=["lines", "text"])
def test_the_next_video_is_read_before_this_one_is_answered(fila, tmp_path, monkeypatch, form):
    paths = [str(draw_clip(tmp_path / f"{number}.mp4", seconds=1 + number, fps=5)) for number in range(3)]
    opened = {path: threading.Event() for path in paths}
    generate, left = FilaVideoForConditionalGeneration.generate, list(paths)

    class NotedReader(VideoReader):
        def __init__(self, video, **options):
            opened[video].set()
            super().__init__(video, **options)

    def wait_for_the_next(model, *arguments, **options):
        left.pop(0)
        assert not left or opened[left[0]].wait(60)
        assert not left[1:] or not opened[left[1]].is_set()
        return generate(model, *arguments, **options)

    monkeypatch.setattr(video_loading, "VideoReader", NotedReader)
    monkeypatch.setattr(FilaVideoForConditionalGeneration, "generate", wait_for_the_next)
    threads = set(threading.enumerate())
    assert fila("ask", tmp_path, "-q", QUESTIONS[0], *form, *OPTIONS).status == 0
    assert left == [] and set(threading.enumerate()) == threads


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["{clip}"], 2, "there is no question about {clip}"),
        (["What happens?"], 2, "'What happens?' is not a video"),
        (["missing.mp4", "What?"], 1, "missing.mp4: there is no such file or folder"),
        ([], 2, "Missing argument 'VIDEO'"),
        (["{clip}", "What?", "--json", "--jsonl"], 2, "--json and --jsonl: give only one of them"),
        (["{clip}", "What?", "--json", "-o", "x.jsonl"], 2, "--json and --output: give only one of them"),
        (["{clip}", "What?", "--num-frames", "0"], 2, "--num-frames 0 must be 1 or more"),
        (["{clip}", "What?", "--fps", "nan"], 2, "--fps nan must be 0 or more"),
        (["{clip}", "What?", "--fps", "0"], 2, "--fps 0 samples no frame"),
        (["{clip}", "What?", "--fps", "1", "--num-frames", "2"], 2, "--num-frames 2 and --fps 1: give only one"),
        (["{clip}", "What?", "--start-seconds", "3", "--end-seconds", "2"], 2, "--end-seconds 2 must be later"),
        (["{clip}", "What?", "--scene-selection", "best"], 2, "'best' is not one of 'kmeans', 'uniform', 'bsm'"),
        (["{clip}", "What?", "--no-such-option"], 2, "No such option: --no-such-option"),
        (["{clip}", "What?", "--subtitle-lines", "frames"], 2, "--subtitle-lines frames needs --subtitles"),
        (["{clip}", "What?", "--subtitles", "no.srt"], 1, "no.srt: there is no such file or folder"),
        (["{clip}", "What?", "--subtitles", "track"], 1, "clip.mp4 has no subtitle track"),
        (["{clip}", "https://a/b", "What?", "--subtitles", "{clip}"], 2, "belongs to one video, but 2 are asked about"),
        (["{clip}", "What?", "--subtitles", "track", "--max-subtitle-tokens", "0"], 2, "-tokens 0 must be 1 or more"),
        (["{clip}", "What?", "--revision", "main"], 2, "--revision main needs --model"),
        (["{clip}", "What?", "--device", "tpu9"], 1, "--device tpu9 is not the name of a device"),
        (["{clip}", "What?", "--scene-merging", "attention"], 1, "--scene-merging attention does not fit this model"),
        (["{clip}", "What?", "--start-seconds", "99"], 1, "start_seconds=99.0 lies after the end of the video, 8"),
    ],
)
def test_errors_are_one_line(fila, clip, arguments, status, message):
    done = fila("ask", *[argument.format(clip=clip) for argument in arguments])
    last = done.err.splitlines()[-1]
    assert done.status == status
    assert last.startswith("fila-video ask: ") and message.format(clip=clip) in last
    assert [line for line in done.err.splitlines() if not line.startswith("fila-video ask: ")] == []


@pytest.mark.parametrize("lines", ["all", "frames", "scenes"])
def test_subtitles_reach_the_pipeline(fila, clip, oracle, tmp_path, lines):
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nred circle\n")
    named = {"subtitles": str(tmp_path / "a.srt"), "subtitle_lines": lines, "max_subtitle_tokens": 99}
    arguments = [word for name, value in named.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done = fila("ask", clip, *QUESTIONS, "--json", *arguments, *OPTIONS)
    expected = oracle(str(clip), text=QUESTIONS, num_scenes=6, num_frames=20, **named)
    found = json.loads(done.out)
    assert [answer["answer"] for answer in found["answers"]] == [answer[0]["generated_text"] for answer in expected]
    assert found["options"] == {**named, "num_scenes": 6, "num_frames": 20} and done.status == 0


def test_subtitles_that_are_left_out_are_a_notice(fila, clip, tmp_path):
    cues = [f"{second}\n00:00:0{second},000 --> 00:00:0{second},500\nred circle\n" for second in range(8)]
    (tmp_path / "a.srt").write_text("\n".join(cues))
    budget = ("--subtitles", tmp_path / "a.srt", "--max-subtitle-tokens", "60")
    done = fila("ask", clip, QUESTIONS[0], *budget, *OPTIONS)
    notice = done.err.splitlines()[1]
    assert notice.startswith("fila-video ask: ") and "of 8 subtitles are left out" in notice and done.status == 0


def test_requests_have_subtitles_of_their_own(fila, clip, tmp_path):
    """Those of the second request cannot be read; the third one has none."""
    shutil.copy(clip, tmp_path / "clip.mp4")
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nred circle\n")
    own = ({"subtitles": "a.srt"}, {"subtitles": "b.srt"}, {})
    file = tmp_path / "requests.jsonl"
    file.write_text("".join(json.dumps({"video": "clip.mp4", "question": "What?", **each}) + "\n" for each in own))
    done = fila("ask", file, "--jsonl", "--subtitle-lines", "frames", *OPTIONS)
    records = [json.loads(line) for line in done.out.splitlines()]
    assert [record["answer"] is None for record in records] == [False, True, False] and done.status == 1
    assert [record.get("subtitles") for record in records] == ["a.srt", "b.srt", None]
    assert "b.srt does not exist" in records[1]["error"]


def test_another_way_of_merging(fila, clip, oracle):
    done = fila("ask", clip, QUESTIONS[0], "--scene-merging", "average", "--jsonl", *OPTIONS)
    model = type(oracle.model).from_pretrained(oracle.model.name_or_path, scene_merging="average", dtype="auto")
    pipe = type(oracle)(model=model.eval(), processor=oracle.processor)
    (answer,) = pipe(str(clip), text=QUESTIONS[0], num_scenes=6, num_frames=20)
    assert json.loads(done.out)["answer"] == answer["generated_text"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MemoryError(), 1),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), 1),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."), 1),
        (RuntimeError("a bug"), None),
    ],
)
def test_a_lack_of_memory_is_one_line_and_a_bug_is_not(fila, clip, monkeypatch, error, status):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr("fila_video.cli.ask.load_pipeline", fail)
    if status is None:
        with pytest.raises(RuntimeError, match="a bug"):
            fila("ask", clip, "What?")
        return
    done = fila("ask", clip, "What?")
    assert done.status == status
    assert "not enough memory" in done.err.splitlines()[-1] and "--num-frames" in done.err


def test_the_same_seed_draws_the_same_words(fila, clip):
    arguments = ("ask", clip, QUESTIONS[0], "--temperature", "5", "--seed", "3", "--no-scenes", *OPTIONS)
    assert fila(*arguments).out == fila(*arguments).out

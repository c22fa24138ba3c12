"""Whole datasets: the scenes are where the text says, and the result is the same however the run goes."""

import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from datasets import load_dataset

from benchmarks.dataset_joining import memory_growth
from fila_video.dataset.annotations.captions import read_answer
from processing_fila.timestamps import timestamp_sentence
from tests.clips import draw_clip
from tests.environment import REPOSITORY
from tests.fila_video.dataset.coded_clips import container_seconds, draw_coded_clip, number_of, read_back, write_lines


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    """Returns all files of a run, except locks and probed.jsonl, which contains modification times."""
    files = [
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock" and path.name != "probed.jsonl"
    ]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def edit_plan(output: Path, **values) -> None:
    """Changes the first long video of a plan."""
    lines = records(output / "plan.jsonl")
    lines[1] |= values
    write_lines(output / "plan.jsonl", lines)


# ------------------------------------------------------------------------------------------------------ what is made


@pytest.mark.ffmpeg
def test_cuts_read_back_from_the_file_are_where_the_captions_say(made):
    for sample in records(made / "captions.jsonl"):
        video = made / sample["video"]
        assert container_seconds(video) > 300
        times, clips, _ = read_back(video)
        cuts = times[np.flatnonzero(np.diff(clips)) + 1]
        in_text = read_answer(sample["conversations"][1]["value"])
        frame = 1 / 4
        assert len(in_text) == len(cuts) + 1 == len(sample["scenes"])
        # Far less than a frame: the text has two decimals.
        np.testing.assert_allclose([start for start, *_ in in_text[1:]], cuts, atol=0.005 + 1e-9)
        np.testing.assert_allclose([end for _, end, _ in in_text[:-1]], cuts, atol=0.005 + 1e-9)
        assert in_text[0][0] == 0 and in_text[-1][1] == pytest.approx(times[-1] + frame, abs=0.005 + 1e-9)
        for (start, end, caption), scene in zip(in_text, sample["scenes"], strict=True):
            shown = set(clips[(times >= start - 0.01) & (times < end - 0.01)])
            assert shown == {number_of(scene["video"])}
            assert f"say {number_of(scene['video'])}." in caption


@pytest.mark.ffmpeg
def test_the_length_is_within_a_frame_of_the_plan_and_every_scene_starts_with_a_key_frame(made):
    planned = {video["id"]: video["planned_seconds"] for video in records(made / "plan.jsonl")[1:]}
    for sample in records(made / "captions.jsonl"):
        assert container_seconds(made / sample["video"]) == pytest.approx(planned[sample["id"]], abs=1 / 4)
        assert sample["duration"] == pytest.approx(planned[sample["id"]], abs=1 / 4)


def test_the_users_turn_is_the_text_that_the_processor_would_write(made):
    """The sentence about 96 frames, spread evenly from the first to the last one, computed by hand."""
    (sample, *_) = records(made / "captions.jsonl")
    turn = sample["conversations"][0]["value"]
    count = round(sample["duration"] * 4)
    indices = [round(place * (count - 1) / 95) for place in range(96)]
    video_token, sentence, question = turn.split("\n")
    assert video_token == "<image>" and question.endswith((".", "?"))
    head, listed = timestamp_sentence([index / 4 for index in indices], sample["duration"]).split(" at ")
    assert sentence.startswith(f"{head} at ")
    times = [float(time) for time in sentence.split(" at ")[1].removesuffix(" seconds.").split(", ")]
    expected = [float(time) for time in listed.removesuffix(" seconds.").split(", ")]
    np.testing.assert_allclose(
        times, expected, atol=0.26
    )  # where two frames are almost equally near, either is correct


def test_datasets_loads_the_folder(made, tmp_path):
    captions = load_dataset(str(made), split="train", cache_dir=str(tmp_path))
    assert captions["id"] == ["long-000000", "long-000001"]
    assert captions[0]["scenes"][0]["start"] == 0 and captions[0]["conversations"][0]["from"] == "human"
    assert (made / captions[0]["video"]).is_file()
    questions = load_dataset(str(made), "questions", split="train", cache_dir=str(tmp_path))
    assert len(questions) == len(records(made / "questions.jsonl"))


# ------------------------------------------------------------------------------------------------------- determinism


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_plan(workshop, made, tmp_path):
    again, other = tmp_path / "again" / "long", tmp_path / "other"
    assert workshop.plan(again, num_videos=2) == workshop.plan(other, num_videos=2, more="--seed 1") == 0
    assert workshop.join(again, "--questions 6") == 0
    assert contents(again) == contents(made)
    assert records(other / "plan.jsonl")[1]["clips"] != records(again / "plan.jsonl")[1]["clips"]


def test_a_second_run_makes_no_video_again(workshop, copy_of_made, capsys):
    output = copy_of_made()
    video = output / "videos" / "long-000000.mp4"
    before = video.stat().st_mtime_ns
    assert workshop.join(output, "--questions 6") == 0
    assert "has 2 long videos; 0 were made by this run." in capsys.readouterr().out
    assert video.stat().st_mtime_ns == before


def test_a_changed_plan_or_a_missing_video_is_made_again(workshop, copy_of_made, capsys):
    output = copy_of_made()
    (output / "videos" / "long-000001.mp4").unlink()
    edit_plan(output, clips=records(output / "plan.jsonl")[1]["clips"][::-1])
    assert workshop.join(output) == 0
    assert "; 2 were made by this run." in capsys.readouterr().out
    assert [scene["video"] for scene in records(output / "captions.jsonl")[0]["scenes"]] == records(
        output / "plan.jsonl"
    )[1]["clips"]
    assert not (output / "questions.jsonl").exists()


def test_two_processes_make_the_same_files_as_one(workshop, made, tmp_path):
    output = tmp_path / "long"
    assert workshop.plan(output, num_videos=2, more="--workers 2") == 0
    assert workshop.join(output, "--questions 6 --workers 2") == 0
    assert contents(output) == contents(made)


@pytest.mark.slow
def test_a_local_ray_with_two_workers_makes_the_same_files_as_one_process(workshop, made, tmp_path):
    output = tmp_path / "long"
    assert workshop.plan(output, num_videos=2) == 0
    assert workshop.join(output, "--questions 6 --workers 2 --ray local") == 0
    assert contents(output) == contents(made)


# --------------------------------------------------------------------------------------------------- killed, restarted


def make_all(workshop, output: Path) -> None:
    """Makes three videos of a minute. For one of them, clips have to be transcoded."""
    workshop.plan(output, shortest=60, longest=80, num_videos=3)
    workshop.join(output, "--questions 4")


@pytest.mark.parametrize("num_kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_a_random_moment_and_restarted_the_result_is_that_of_an_undisturbed_run(
    num_kills, mixed_workshop, tmp_path
):
    started = time.perf_counter()
    make_all(mixed_workshop, tmp_path / "whole" / "long")
    seconds = time.perf_counter() - started
    expected = contents(tmp_path / "whole" / "long")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fila_video.dataset.commands"])
    generator = random.Random(0)
    num_unfinished = 0
    for place in range(num_kills):
        output = tmp_path / str(place) / "long"
        process = context.Process(target=make_all, args=(mixed_workshop, output))
        process.start()
        process.join(generator.uniform(0.05, 1) * seconds)
        process.kill()
        process.join()
        num_unfinished += process.exitcode != 0
        make_all(mixed_workshop, output)
        found = contents(output)
        assert [name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)] == []
        shutil.rmtree(output)
    assert num_unfinished >= num_kills / 2  # otherwise the kills came too late to test anything


@pytest.mark.slow
def test_workers_end_with_a_killed_parent_and_the_next_run_continues(workshop, made, tmp_path):
    """The whole program with two worker processes. Only the parent is killed, in the middle of joining."""
    output = tmp_path / "long"
    workshop.plan(output, num_videos=12)
    command = f"-m fila_video.dataset join {output} --video-root {workshop.clips} --height 64 --width 96 --workers 2"
    parent = subprocess.Popen([sys.executable, *command.split()], cwd=REPOSITORY)
    while not list((output / "records").glob("*.json")):
        time.sleep(0.01)
    workers = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.wait()
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    num_made = len(list((output / "records").glob("*.json")))
    assert num_made < 12
    assert workshop.join(output) == 0
    assert len(records(output / "captions.jsonl")) == 12
    assert records(output / "captions.jsonl")[:1] == records(made / "captions.jsonl")[:1]


@pytest.mark.slow
@pytest.mark.proc
def test_memory_does_not_grow_with_the_length_of_the_output(tmp_path):
    """Packets are copied one by one: half an hour needs no more than half a minute, except for the file's index."""
    clip = draw_clip(tmp_path / "clip.mp4", seconds=10, fps=30, size=(360, 640), codec_options={"b": "2000k"})
    short, long = (memory_growth(clip, 10, count, tmp_path / "long.mp4") for count in (3, 180))
    num_frames = 180 * 10 * 30
    assert long - short < num_frames * 100 / 2**20 + 2
    assert (tmp_path / "long.mp4").stat().st_size > 2 * (long - short) * 2**20


@pytest.fixture(scope="module")
def mixed_workshop(workshop, tmp_path_factory):
    """The clips of the workshop, three of them in another format."""
    folder = tmp_path_factory.mktemp("mixed")
    shutil.copytree(workshop.clips, folder / "clips")
    for number in (3, 4, 5):
        draw_coded_clip(folder / "clips" / f"clip-{number:03d}.mp4", number, 24, fps=2, codec="mpeg4", options={})
    lines = records(workshop.captions)[:15]
    return type(workshop)(write_lines(folder / "captions.jsonl", lines), folder / "clips")


# -------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.ffmpeg
def test_a_bad_clip_is_replaced_by_the_next_candidate_and_recorded(own_workshop, tmp_path, capsys):
    output = tmp_path / "long"
    assert own_workshop.plan(output) == 0
    planned = records(output / "plan.jsonl")[1]
    gone, shorter, first, second = planned["clips"][2], planned["clips"][5], *planned["candidates"][:2]
    (own_workshop.clips / gone).unlink()
    draw_coded_clip(own_workshop.clips / shorter, number_of(shorter), 20)
    # The first candidate is bad as well.
    (own_workshop.clips / first).write_bytes(b"nothing")

    assert own_workshop.join(output) == 0
    assert "3 clips were replaced" in capsys.readouterr().out
    replaced = records(output / "replaced.jsonl")
    assert [(entry["clip"], entry["replacement"]) for entry in replaced[:2]] == [(gone, first), (first, second)]
    assert replaced[2]["clip"] == shorter and replaced[2]["replacement"] == planned["candidates"][2]
    assert "No such file" in replaced[0]["reason"] and "Invalid data" in replaced[1]["reason"]
    assert "lasts 5.000 s, not" in replaced[2]["reason"]

    (sample,) = records(output / "captions.jsonl")
    _, clips, _ = read_back(output / sample["video"])
    order = clips[np.flatnonzero(np.diff(clips, prepend=-1))]
    expected = list(planned["clips"])
    expected[2], expected[5] = second, planned["candidates"][2]
    assert order.tolist() == [number_of(scene["video"]) for scene in sample["scenes"]] == list(map(number_of, expected))


def test_a_video_that_becomes_too_short_gets_more_clips(own_workshop, tmp_path):
    output = tmp_path / "long"
    assert own_workshop.plan(output) == 0
    pool = {clip["video"]: clip["seconds"] for clip in records(output / "clips.jsonl")}
    shortest, *others = sorted(pool, key=pool.get)
    longest = others.pop()
    clips = [longest, *others[:24]]
    edit_plan(output, clips=clips, candidates=[shortest, *others[24:]])
    # The shortest duration of the plan becomes that of this video, so that a shorter replacement is too short.
    lines = records(output / "plan.jsonl")
    lines[0]["durations"]["min_seconds"] = sum(pool[clip] for clip in clips)
    write_lines(output / "plan.jsonl", lines)
    (own_workshop.clips / longest).unlink()

    assert own_workshop.join(output) == 0
    replaced, added = records(output / "replaced.jsonl")
    assert (replaced["clip"], replaced["replacement"]) == (longest, shortest)
    assert added == {"id": "long-000000", "clip": None, "reason": "too short", "replacement": others[24]}
    made = [scene["video"] for scene in records(output / "captions.jsonl")[0]["scenes"]]
    assert made == [shortest, *others[:24], others[24]]


def test_a_video_without_candidates_left_is_reported_and_the_others_are_made(own_workshop, tmp_path, capsys):
    output = tmp_path / "long"
    assert own_workshop.plan(output, num_videos=2) == 0
    first, second = records(output / "plan.jsonl")[1:]
    edit_plan(output, candidates=[])
    own = next(clip for clip in first["clips"] if clip not in second["clips"])
    (own_workshop.clips / own).unlink()
    assert own_workshop.join(output) == 1
    assert f"long-000000 could not be made: clip {own}: cannot be read" in capsys.readouterr().err
    assert [sample["id"] for sample in records(output / "captions.jsonl")] == ["long-000001"]
    assert records(output / "failed.jsonl")[0]["id"] == "long-000000"
    assert sorted(path.name for path in (output / "videos").iterdir()) == ["long-000001.mp4"]


def test_a_full_disk_ends_the_run_with_no_incomplete_file_and_the_next_run_continues(
    workshop, tmp_path, monkeypatch, capsys
):
    """There is no space for the second video. No clip is replaced, and the first video stays."""
    output = tmp_path / "long"
    assert workshop.plan(output, num_videos=2) == 0

    def full(final):
        link = final.with_name(f".{final.name}.0.part")
        if final.name == "long-000001.mp4":
            link.symlink_to("/dev/full")
        return link

    with monkeypatch.context() as patch:
        patch.setattr("fila_video.common.files.part_path", full)
        assert workshop.join(output) == 1
    assert "No space left in" in (text := capsys.readouterr().err) and "long-000001.mp4" in text
    assert [path.name for path in (output / "videos").iterdir()] == ["long-000000.mp4"]
    assert not (output / "captions.jsonl").exists()

    assert workshop.join(output) == 0
    assert "; 1 was made by this run." in capsys.readouterr().out
    assert records(output / "replaced.jsonl") == []


def test_two_runs_in_one_folder_are_refused(workshop, copy_of_made, capsys):
    from filelock import FileLock

    output = copy_of_made()
    with FileLock(output / ".lock"):
        assert workshop.join(output) == 1
    assert "Another run is working in" in capsys.readouterr().err


def test_a_pool_that_the_plan_was_not_made_from_is_refused(workshop, copy_of_made, capsys):
    output = copy_of_made()
    with (output / "clips.jsonl").open("a") as file:
        file.write("\n")
    assert workshop.join(output) == 1
    assert "clips.jsonl is not the pool that" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------------------- real clips


@pytest.mark.slow
@pytest.mark.ffmpeg
def test_real_clips_of_all_kinds_among_drawn_ones(workshop, real_videos_dir, tmp_path):
    """All real clips (rotated, starting late, damaged, without a header) in one long video of over five minutes."""
    clips = tmp_path / "clips"
    shutil.copytree(workshop.clips, clips)
    real = sorted(path for path in real_videos_dir.iterdir() if path.suffix in (".mp4", ".mkv", ".webm", ".mov"))
    for path in real:
        shutil.copy(path, clips / path.name)
    lines = records(workshop.captions)[:24]
    lines += [{"video": path.name, "caption": f"Real footage, {path.stem}."} for path in real]
    mixed = type(workshop)(write_lines(tmp_path / "captions.jsonl", lines), clips)
    output = tmp_path / "long"
    assert mixed.plan(output, shortest=330, longest=360, more="--decode all") == 0
    assert "corrupted.mp4" in {entry["video"] for entry in records(output / "rejected.jsonl")}
    usable = [clip["video"] for clip in records(output / "clips.jsonl")]
    seconds = {clip["video"]: clip["seconds"] for clip in records(output / "clips.jsonl")}
    edit_plan(output, clips=usable[::-1], candidates=[], planned_seconds=sum(seconds.values()))
    assert mixed.join(output) == 0

    (sample,) = records(output / "captions.jsonl")
    video = output / sample["video"]
    assert len(sample["scenes"]) == len(usable) == len(lines) - 1
    assert container_seconds(video) == pytest.approx(sum(seconds.values()), abs=0.04)
    times, shown, _ = read_back(video)
    for scene in sample["scenes"]:
        inside = (times >= scene["start"] - 0.001) & (times < scene["end"] - 0.001)
        assert times[inside][0] == pytest.approx(scene["start"], abs=0.001)
        assert scene["end"] - scene["start"] == pytest.approx(seconds[scene["video"]], abs=0.001)
        if scene["video"].startswith("clip-"):
            assert set(shown[inside]) == {number_of(scene["video"])}

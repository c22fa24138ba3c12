"""Plans, pools, captions and clips of somebody else: nothing leaves its folder, and a bad one costs only itself."""

import json
import os
from pathlib import Path

import av
import pytest

from fila_video.dataset.annotations.questions import ask
from fila_video.dataset.clips.open_clip import BadClipError, clip_path, open_clip
from fila_video.dataset.clips.probe import probe_clip
from fila_video.dataset.clips.read_captions import CaptionedClip, Rejected, is_caption, read_captioned_clips
from fila_video.dataset.joining.transcode_audio import read_samples
from fila_video.dataset.planning.plan import read_plan
from fila_video.dataset.scene import Scene
from fila_video.dataset.validation.validate_dataset import validate_dataset
from tests.fila_video.dataset.coded_clips import draw_coded_clip, write_lines
from tests.oracles import ffmpeg_program as oracle


def records(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def change_line(path: Path, number: int, **values) -> None:
    lines = records(path)
    lines[number] |= values
    write_lines(path, lines)


# ------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize("name", ["../secret.mp4", "a/../../secret.mp4", "link.mp4", "folder/secret.mp4", "a\0b"])
def test_a_name_that_leads_out_of_the_root_is_refused(tmp_path, name):
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "folder").symlink_to(tmp_path)
    with pytest.raises(BadClipError, match="leads out of the video root|cannot be used"):
        clip_path(root, name)
    with pytest.raises(BadClipError, match="leads out"):
        clip_path(root, str(tmp_path / "secret.mp4"))


def test_links_that_stay_inside_and_a_root_that_is_a_link_are_used(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mp4").write_bytes(b"a")
    (tmp_path / "real" / "b.mp4").symlink_to("a.mp4")
    (tmp_path / "root").symlink_to("real")
    assert clip_path(tmp_path / "root", "b.mp4").read_bytes() == b"a"


@pytest.mark.parametrize("name", ["../../overwritten", "/tmp/overwritten", "..", ".hidden", "a/b", "a\\b", "", 7])
def test_an_id_of_a_plan_that_is_not_a_file_name_is_refused(workshop, tmp_path, capsys, name):
    output = tmp_path / "deep" / "long"
    assert workshop.plan(output) == 0
    change_line(output / "plan.jsonl", 1, id=name)
    before = sorted(path for path in tmp_path.rglob("*"))
    assert workshop.join(output) == 1
    assert "plan.jsonl, line 2: the id" in capsys.readouterr().err
    assert sorted(path for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["videos", "records", "cache", ".lock"])
def test_a_folder_of_the_dataset_that_leads_out_of_it_is_refused(workshop, tmp_path, capsys, name):
    output, elsewhere = tmp_path / "long", tmp_path / "elsewhere"
    assert workshop.plan(output) == 0
    elsewhere.mkdir()
    (output / name).symlink_to(elsewhere)
    assert workshop.join(output) == 1
    assert f"{output / name} is a symbolic link that leads out" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "playlist", "concat", "pipe"])
def test_a_clip_that_turns_into_something_else_after_planning_is_replaced(own_workshop, tmp_path, kind):
    """Planned as a good clip, then exchanged: the private file must not get into the dataset."""
    output = tmp_path / "long"
    assert own_workshop.plan(output) == 0
    planned = records(output / "plan.jsonl")[1]
    bad = own_workshop.clips / planned["clips"][1]
    secret = tmp_path / "secret.ts"
    draw_coded_clip(secret, 99, 48)
    bad.unlink()
    if kind == "link":
        bad.symlink_to(secret)
    elif kind == "playlist":
        bad.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:13\n#EXTINF:12,\n{secret}\n#EXT-X-ENDLIST\n")
    elif kind == "concat":
        bad.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    else:
        os.mkfifo(bad)
    assert own_workshop.join(output) == 0
    (replaced,) = records(output / "replaced.jsonl")
    assert (replaced["clip"], replaced["replacement"]) == (planned["clips"][1], planned["candidates"][0])


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile '{}'\n"])
def test_the_opener_reads_no_playlist_of_local_files(tmp_path, text):
    secret = draw_coded_clip(tmp_path / "secret.ts", 1, 10)
    (tmp_path / "clip.mp4").write_text(text.format(secret))
    with pytest.raises(av.FFmpegError), open_clip(tmp_path / "clip.mp4"):
        pass


# ------------------------------------------------------------------------------------------ plans and pools of others


@pytest.mark.parametrize(
    "number, values",
    [
        (0, {"durations": {}}),
        (0, {"durations": {"min_seconds": "1", "max_seconds": 2, "mean_seconds": 1}}),
        (0, {"seed": None}),
        (0, {"pool_sha256": 5}),
        (1, {"clips": [["a"]]}),
        (1, {"clips": []}),
        (1, {"candidates": 3}),
        (1, {"unknown": 1}),
    ],
)
def test_a_plan_with_wrong_values_is_one_error_that_names_it(workshop, tmp_path, number, values):
    output = tmp_path / "long"
    assert workshop.plan(output) == 0
    change_line(output / "plan.jsonl", number, **values)
    with pytest.raises(ValueError, match=r"plan\.jsonl"):
        read_plan(output / "plan.jsonl")


def test_two_videos_with_the_same_id_are_refused(workshop, tmp_path):
    output = tmp_path / "long"
    assert workshop.plan(output, num_videos=2) == 0
    change_line(output / "plan.jsonl", 2, id="long-000000")
    with pytest.raises(ValueError, match="several long videos with the id 'long-000000'"):
        read_plan(output / "plan.jsonl")


def test_a_record_of_an_earlier_run_that_is_damaged_is_made_again(workshop, copy_of_made, capsys):
    output = copy_of_made()
    for name, text in (("long-000000", "{"), ("long-000001", "[]")):
        (output / "records" / f"{name}.json").write_text(text)
    assert workshop.join(output) == 0
    assert "; 2 were made by this run." in capsys.readouterr().out


# -------------------------------------------------------------------------------------------------------------- clips


@pytest.mark.ffmpeg
def test_a_title_that_is_not_utf8_does_not_matter(tmp_path):
    """A tag in Latin-1, as old programs wrote it: the same clip with and without it has the same facts."""
    plain = draw_coded_clip(tmp_path / "plain.mp4", 1, 20)
    tagged = tmp_path / "tagged.mp4"
    oracle.ffmpeg(
        "-i", plain, "-c", "copy", "-metadata", "title=ABCDEFGH", "-metadata:s:v", "handler_name=ABCDEFGH", tagged
    )
    assert tagged.read_bytes().count(b"ABCDEFGH") >= 2
    tagged.write_bytes(tagged.read_bytes().replace(b"ABCDEFGH", b"caf\xe9 \xff\xfe\xfd"))
    assert probe_clip(tagged) == probe_clip(plain)


@pytest.mark.ffmpeg
def test_sound_with_an_unknown_codec_does_not_matter_unless_it_is_kept(tmp_path):
    plain = draw_coded_clip(tmp_path / "plain.mp4", 1, 20)
    sound = tmp_path / "sound.mkv"
    oracle.ffmpeg(
        "-i",
        plain,
        "-f",
        "lavfi",
        "-i",
        "sine=duration=5",
        "-map",
        "0",
        "-map",
        "1",
        "-c:v",
        "copy",
        "-c:a",
        "pcm_s16le",
        sound,
    )
    assert sound.read_bytes().count(b"A_PCM/INT/LIT") == 1
    sound.write_bytes(sound.read_bytes().replace(b"A_PCM/INT/LIT", b"A_UNKNOWN/XYZ"))
    facts = probe_clip(sound)
    assert (facts.num_frames, facts.audio) == (20, "transcode: unknown codec")
    with pytest.raises(BadClipError, match="sound with an unknown codec"):
        read_samples(sound, 100)


# ----------------------------------------------------------------------------------------------- captions and records


@pytest.mark.parametrize("text", ["See <video> here.", "<image>\nA dog.", "A dog \ud800 runs."])
def test_a_caption_that_training_would_refuse_is_rejected_when_planning(tmp_path, text):
    lines = [{"video": "a.mp4", "caption": "A cat."}, {"video": "b.mp4", "caption": text}]
    bad, good = list(read_captioned_clips([write_lines(tmp_path / "captions.jsonl", lines[::-1])]))
    assert isinstance(bad, Rejected) and bad.video == "b.mp4"
    assert good == CaptionedClip("a.mp4", "A cat.", "clips")
    conversation = [{"from": "human", "value": "<image>\nDescribe it."}, {"from": "gpt", "value": text + " word" * 70}]
    path = write_lines(tmp_path / "llava.jsonl", [{"video": "b.mp4", "conversations": conversation}])
    assert isinstance(next(read_captioned_clips([path])), Rejected)


def test_captions_that_are_not_utf8_or_nested_too_deeply_name_the_file(tmp_path):
    path = tmp_path / "captions.jsonl"
    path.write_bytes(b'{"video": "a.mp4", "caption": "caf\xe9"}\n')
    with pytest.raises(ValueError, match=r"captions\.jsonl is not text in UTF-8"):
        list(read_captioned_clips([path]))
    path.write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(ValueError, match=r"captions\.jsonl, line 1 is not JSON"):
        list(read_captioned_clips([path]))


@pytest.mark.parametrize("text", ["\n" * 200_000, "letter " * 40_000, " \t" * 100_000, "A" * 200_000])
def test_long_texts_take_linear_time(text):
    """With a quadratic expression, each of these takes minutes, and this test does not end."""
    is_caption([{"from": "human", "value": text}, {"from": "gpt", "value": text}])


def test_choices_are_still_recognized():
    reply = {"from": "gpt", "value": "word " * 70}
    for question in ("What?\n  (A) x\nB. y", "Answer with the letter of the correct option.", "A. x"):
        assert not is_caption([{"from": "human", "value": question}, reply])
    assert is_caption([{"from": "human", "value": "What is shown?"}, reply])


def test_questions_about_a_long_caption_end():
    scenes = [Scene(0.0, 1.0, "x" * 200_000, "a.mp4", "s"), Scene(1.0, 2.0, "y", "b.mp4", "s")]
    import random

    assert len(list(ask(scenes, 2, random.Random(0)))) == 2


@pytest.mark.parametrize(
    "values, problem",
    [
        ({"duration": float("nan")}, "duration=nan is not a number of seconds"),
        ({"duration": "4"}, "duration=4 is not a number of seconds"),
        ({"duration": 10**400}, "is not a number of seconds"),
        ({"scenes": 7}, "scenes is not a list"),
        ({"scenes": ["a"]}, "scenes is not a list"),
        ({"scenes": [{"start": 0.0}]}, "scenes is not a list"),
        ({"scenes": [{"start": 0.0, "end": float("inf"), "video": "a.mp4"}]}, "scenes is not a list"),
        ({"scenes": [{"start": 0.0, "end": 5.0, "video": ["a.mp4"]}]}, "scenes is not a list"),
        ({"video": "../v.mp4"}, "leads out of the video root"),
        ({"video": "x" * 5000}, "cannot be used"),
        ({"conversations": [{"from": "human", "value": "<image> <video>"}, {"from": "gpt", "value": "A."}]}, "2 times"),
        ({"conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "<video>"}]}, "2 times"),
    ],
)
def test_validation_reports_wrong_values_and_goes_on(tmp_path, values, problem):
    draw_coded_clip(tmp_path / "v.mp4", 1, 20)
    draw_coded_clip(tmp_path.parent / "v.mp4", 1, 20)
    turns = [{"from": "human", "value": "<video>\nWhat?"}, {"from": "gpt", "value": "A dog."}]
    good = {"id": "good", "video": "v.mp4", "duration": 5.0, "conversations": turns}
    lines = [{**good, "id": "bad", "conversations": [turns[0], {"from": "gpt", "value": "A cat."}], **values}, good]
    (found,) = validate_dataset(write_lines(tmp_path / "captions.jsonl", lines)).problems
    assert found.startswith("bad: ") and problem in found

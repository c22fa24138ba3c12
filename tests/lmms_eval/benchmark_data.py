"""Small copies of the data sets of the paper's benchmarks: their ids, columns and archives, about three drawn clips."""

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tests.clips import draw_clip
from tests.hub_server import HubRepository


CLIPS = ("one", "two", "three")
STYLED = '<font color="white" size=".72c">{}</font>'
LETTERS = "ABCDE"


def draw_clips(folder: Path) -> dict[str, bytes]:
    """Three clips of four seconds, with two, three and four scenes."""
    paths = {name: folder / f"{name}.mp4" for name in CLIPS}
    for scenes, path in enumerate(paths.values(), start=2):
        draw_clip(path, scenes=scenes, seconds=4)
    return {name: path.read_bytes() for name, path in paths.items()}


def make_datasets(clips: Mapping[str, bytes]) -> dict[str, HubRepository]:
    """The repositories of all benchmarks, by their ids."""
    return {
        "lmms-eval/Video-MME": _videomme(clips),
        "OpenGVLab/MVBench": _mvbench(clips),
        "longvideobench/LongVideoBench": _longvideobench(clips),
        "sy1998/MLVU_dev": _mlvu(clips),
        "lmms-eval/egoschema": _egoschema(clips),
        "lmms-eval/NExTQA": _nextqa(clips),
        "lmms-eval/PerceptionTest_Val": _perceptiontest(clips),
    }


def parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(list(rows)).to_parquet(buffer)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def card(**files_of_config: Mapping[str, str]) -> bytes:
    """A README that says which files belong to which split of which configuration."""
    configs = [
        {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files.items()]}
        for name, files in files_of_config.items()
    ]
    return f"---\n{json.dumps({'configs': configs})[1:-1]}\n---\n".replace('"configs"', "configs", 1).encode()


def tar_parts(files: Mapping[str, bytes], *, number: int) -> list[bytes]:
    """A tar archive that was cut into pieces."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    content, size = buffer.getvalue(), -(-len(buffer.getvalue()) // number)
    return [content[start : start + size] for start in range(0, len(content), size)]


def in_folder(clips: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    return {f"{folder}{name}.mp4": content for name, content in clips.items()}


def subtitles(texts: Sequence[str], form: str) -> bytes:
    """One line a second, in the form of an SRT file."""
    lines = [
        f"{number + 1}\n00:00:0{number},000 --> 00:00:0{number + 1},000\n{form.format(text)}\n"
        for number, text in enumerate(texts)
    ]
    return "\n".join(lines).encode()


def _videomme(clips: Mapping[str, bytes]) -> HubRepository:
    rows = [
        {
            "video_id": f"{place:03d}",
            "duration": ("short", "medium", "long")[place % 3],
            "domain": "Knowledge",
            "sub_category": "Geography",
            "url": "",
            "videoID": name,
            "question_id": f"{place:03d}-{number}",
            "task_type": "Counting Problem",
            "question": f"How many scenes are there? ({number})",
            "options": [f"{letter}. {count}" for letter, count in zip("ABCD", range(2, 6), strict=True)],
            "answer": "ABCD"[place],
        }
        for number in (1, 2)
        for place, name in enumerate(clips)
    ]
    lines = ["the first line", "the second line", "the third line", "the last line"]
    srt = {"subtitle/one.srt": subtitles(lines, STYLED), "subtitle/two.srt": subtitles(lines, "{}")}
    return HubRepository(
        {
            "README.md": card(videomme={"test": "videomme/test-*"}),
            "videomme/test-00000-of-00001.parquet": parquet(rows),
            "videos_chunked_01.zip": zipped(in_folder(clips, "data/")),
            "subtitle.zip": zipped(srt),
        }
    )


# The subtasks of MVBench with their folders, as its data set has them.
MVBENCH = {
    "action_sequence": "star/Charades_segment",
    "moving_count": "clevrer/video_validation",
    "action_prediction": "star/Charades_segment",
    "episodic_reasoning": "tvqa/video_fps3_hq_segment",
    "action_antonym": "ssv2_video_mp4",
    "action_count": "perception/videos",
    "scene_transition": "scene_qa/video",
    "object_shuffle": "perception/videos",
    "object_existence": "clevrer/video_validation",
    "fine_grained_pose": "nturgbd_convert",
    "unexpected_action": "FunQA_test/test",
    "moving_direction": "clevrer/video_validation",
    "state_change": "perception/videos",
    "object_interaction": "star/Charades_segment",
    "character_order": "perception/videos",
    "action_localization": "sta/sta_video_segment",
    "counterfactual_inference": "clevrer/video_validation",
    "fine_grained_action": "Moments_in_Time_Raw/videos",
    "moving_attribute": "clevrer/video_validation",
    "egocentric_navigation": "vlnqa",
}


def _mvbench(clips: Mapping[str, bytes]) -> HubRepository:
    """One question in each of the twenty subtasks, on the branch `video`, whose videos lie there as they are."""
    files = {"README.md": card(**{name: {"train": f"json/{name}.json"} for name in MVBENCH})}
    for place, (name, folder) in enumerate(MVBENCH.items()):
        clip = CLIPS[place % 3]
        row = {
            "video": f"{clip}.mp4",
            "question": "How many scenes are there?",
            "candidates": ["two", "three", "four"],
            "answer": ("two", "three", "four")[place % 3],
        }
        files[f"json/{name}.json"] = json.dumps([row]).encode()
        files[f"{folder}/{clip}.mp4"] = clips[clip]
    repository = HubRepository({"README.md": b""})
    repository.commit("video", files)
    return repository


def _longvideobench(clips: Mapping[str, bytes]) -> HubRepository:
    rows = [
        {
            "video_id": name,
            "question": "How many scenes are there?",
            "question_wo_referring_query": "How many scenes are there?",
            **{f"option{number}": str(2 + number) if number < 4 else "N/A" for number in range(5)},
            "correct_choice": place,
            "position": [0],
            "topic_category": "KG-Knowledge-Geography",
            "question_category": ("S2E", "E3E", "SOS")[place],
            "level": "L1-Perception",
            "id": f"{name}_0",
            "video_path": f"{name}.mp4",
            "subtitle_path": f"{name}_en.json",
            "duration_group": (15, 60, 600)[place],
            "starting_timestamp_for_subtitles": 0,
            "duration": 4.0,
            "view_count": 1,
        }
        for place, name in enumerate(clips)
    ]
    parts = tar_parts(in_folder(clips, "videos/"), number=2)
    return HubRepository(
        {
            "README.md": card(default={"validation": "validation-*"}),
            "validation-00000-of-00001.parquet": parquet(rows),
            **{f"videos.tar.part.a{letter}": part for letter, part in zip("ab", parts, strict=True)},
        },
        private=True,  # the data set asks its users to agree to its conditions
    )


def _mlvu(clips: Mapping[str, bytes]) -> HubRepository:
    """All questions belong to one of the seven kinds whose scores are averaged."""
    rows = [
        {
            "video_name": f"{name}.mp4",
            "duration": 4.0,
            "question": "How many scenes are there?\n(A) 2\n(B) 3\n(C) 4\n(D) 5",
            "candidates": ["2", "3", "4", "5"],
            "answer": "ABCD"[place],
            "task_type": "count",
        }
        for place, name in enumerate(clips)
    ]
    return HubRepository(
        {
            "README.md": card(default={"test": "mlvu/test-*"}),
            "mlvu/test-00000-of-00001.parquet": parquet(rows),
            "video_part_1.zip": zipped(in_folder(clips, "")),
        }
    )


def _egoschema(clips: Mapping[str, bytes]) -> HubRepository:
    rows = [
        {
            "question_idx": str(place),
            "question": "How many scenes are there?",
            "video_idx": name,
            "option": [f"{letter}. {2 + number} of them" for number, letter in enumerate(LETTERS)],
            "answer": str(place),
        }
        for place, name in enumerate(clips)
    ]
    configs = {name: {"test": f"{name}/test-*"} for name in ("GENERATION", "MC", "MC_PPL", "Subset")}
    tables = {f"{name}/test-00000-of-00001.parquet": parquet(rows) for name in configs}
    videos = zipped(in_folder(clips, "videos/"))
    return HubRepository({"README.md": card(**configs), **tables, "videos_chunked_01.zip": videos})


def _nextqa(clips: Mapping[str, bytes]) -> HubRepository:
    """Videos have numbers for names."""
    numbers = {str(1000 + place): content for place, content in enumerate(clips.values())}
    rows = [
        {
            "video": int(number),
            "frame_count": 40,
            "width": 96,
            "height": 64,
            "question": "how many scenes are there",
            "answer": place,
            "qid": place,
            "type": "DC",
            **{f"a{option}": f"there are {2 + option} scenes in it" for option in range(5)},
        }
        for place, number in enumerate(numbers)
    ]
    return HubRepository(
        {
            "README.md": card(MC={"test": "MC/test-*"}),
            "MC/test-00000-of-00001.parquet": parquet(rows),
            "videos.zip": zipped(in_folder(numbers, "NExTVideo/")),
        }
    )


def _perceptiontest(clips: Mapping[str, bytes]) -> HubRepository:
    rows = [
        {
            "video_name": name,
            "question": "How many scenes are there?",
            "question_id": str(place),
            "options": ["2", "3", "4"],
            "answer_id": str(place),
            "area": "physics",
            "reasoning": "descriptive",
            "tag": ["object counting"],
        }
        for place, name in enumerate(clips)
    ]
    return HubRepository(
        {
            "README.md": card(mc_question_val={"validation": "mc_question_val/validation-*"}),
            "mc_question_val/validation-00000-of-00001.parquet": parquet(rows),
            "videos_chunked_01.zip": zipped(in_folder(clips, "videos/")),
        }
    )

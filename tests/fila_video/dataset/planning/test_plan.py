"""Plans: each clip at most once in a video, durations that reach their targets, the same plan for the same seed."""

import math
from collections import Counter

import pytest

from fila_video.dataset.clips.pool import PoolClip
from fila_video.dataset.planning.plan import PlanOptions, make_plan, read_plan, write_plan


def pool(count: int = 200, *, seconds: float = 20, source: str = "a", format: str = "h264") -> list[PoolClip]:
    return [
        PoolClip(f"{source}-{format}-{place}.mp4", "A caption.", source, seconds + place % 7, 100, format, None)
        for place in range(count)
    ]


def options(num_videos: int = 20, **values) -> PlanOptions:
    return PlanOptions(num_videos, **values)


def test_each_clip_is_used_once_in_a_video_and_durations_reach_the_target():
    clips = {clip.video: clip for clip in pool()}
    for video in make_plan(clips.values(), options(50)).videos:
        named = (*video.clips, *video.candidates)
        assert len(set(named)) == len(named)
        assert len(video.candidates) == max(4, math.ceil(0.1 * len(video.clips)))
        total = sum(clips[clip].seconds for clip in video.clips)
        assert video.planned_seconds == pytest.approx(total)
        assert video.target_seconds <= total <= 1800
        assert total - clips[video.clips[-1]].seconds < video.target_seconds


def test_all_clips_are_used_about_equally_often():
    used = Counter(clip for video in make_plan(pool(), options(100)).videos for clip in video.clips)
    assert len(used) == 200
    assert max(used.values()) - min(used.values()) <= 4


def test_the_same_seed_gives_the_same_plan_and_another_seed_another_plan():
    clips = pool()
    assert make_plan(clips, options(seed=3)) == make_plan(clips, options(seed=3))
    assert make_plan(clips, options(seed=3)).videos != make_plan(clips, options(seed=4)).videos


def test_a_longer_plan_begins_like_a_shorter_one():
    clips = pool()
    assert make_plan(clips, options(30)).videos[:10] == make_plan(clips, options(10)).videos


def test_same_source_and_same_format():
    clips = [clip for source in "ab" for format in ("h264 1", "h264 2") for clip in pool(source=source, format=format)]
    clips += pool(source="c", count=10) + pool(source="d", format="transcode: codec gif")
    by_name = {clip.video: clip for clip in clips}
    videos = make_plan(clips, options(40, sources="same", formats="same")).videos
    groups = [{(by_name[c].source, by_name[c].format) for c in (*video.clips, *video.candidates)} for video in videos]
    assert {len(group) for group in groups} == {1}
    # Source c is too short for a long video, and d can only be transcoded.
    assert set.union(*groups) == {(source, format) for source in "ab" for format in ("h264 1", "h264 2")}

    mixed = make_plan(clips, options(40)).videos
    assert all(len({by_name[clip].source for clip in video.clips}) > 1 for video in mixed)


def test_too_few_clips_are_an_error_with_the_numbers():
    with pytest.raises(ValueError, match=r"up to 1800.0 s.*224.0 s in total \(a\), 224.0 s.* \(sources='same'"):
        make_plan(pool(10) + pool(10, source="b"), options(sources="same"))


@pytest.mark.parametrize("arguments", [{"sources": "all"}, {"formats": "one"}])
def test_unknown_options_are_refused(arguments):
    with pytest.raises(ValueError, match="is unknown"):
        options(**arguments)
    with pytest.raises(ValueError, match="num_videos must be positive, got 0"):
        options(0)


def test_a_plan_can_be_written_read_and_edited(tmp_path):
    plan = make_plan(pool(), options(3), "hash")
    write_plan(tmp_path / "plan.jsonl", plan)
    assert read_plan(tmp_path / "plan.jsonl").videos == plan.videos
    lines = (tmp_path / "plan.jsonl").read_text().splitlines()
    assert len(lines) == 4 and '"seed": 0' in lines[0]

    twice = lines[1].replace(f'"{plan.videos[0].clips[1]}"', f'"{plan.videos[0].clips[0]}"')
    (tmp_path / "plan.jsonl").write_text("\n".join([lines[0], twice]))
    with pytest.raises(ValueError, match=f"line 2: long-000000 names a clip twice: .'{plan.videos[0].clips[0]}'"):
        read_plan(tmp_path / "plan.jsonl")
    (tmp_path / "plan.jsonl").write_text(lines[1])
    with pytest.raises(ValueError, match="does not start with the header of a plan"):
        read_plan(tmp_path / "plan.jsonl")

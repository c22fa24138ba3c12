"""Coverage of joined cuts, with artificial features whose coverage is known, and with drawn clips."""

import json

import numpy as np
import pytest
import torch

from fila_video.evaluation.__main__ import main
from fila_video.evaluation.coverage import EVEN_FRAMES, METHODS, draw_cuts, measure_coverage
from tests.clips import draw_clip
from tests.tables import unpadded


def far_apart(num_clips: int = 6) -> list[torch.Tensor]:
    """Clips of 100 frames, each near its own corner of the feature space."""
    noise = torch.randn(num_clips, 100, 16, generator=torch.Generator().manual_seed(0))
    return list(10 * torch.eye(16)[:num_clips, None] + 0.1 * noise)


def test_a_cut_is_a_part_of_its_clip_played_back_and_forth():
    clips = [torch.arange(20.0)[:, None] + 100 * place for place in range(3)]
    lengths = []
    for seed in range(30):
        cuts = draw_cuts(clips, np.random.default_rng(seed))
        assert sorted(int(cut[0]) // 100 for cut in cuts) == [0, 1, 2]
        for cut in cuts:
            assert set(cut.diff(dim=0).flatten().tolist()) <= {1.0, -1.0, 0.0}
        lengths += [len(cut) for cut in cuts]
    assert min(lengths) <= 10 and max(lengths) >= 200


def test_kmeans_plus_plus_finds_all_cuts_that_are_far_apart_and_even_frames_do_not():
    found = measure_coverage(far_apart(), num_frames=400, numbers_of_scenes=[6], num_videos=20)
    covered = {row.method: row.covered for row in found}
    assert list(covered) == [EVEN_FRAMES, *METHODS]
    assert covered["k-means++"] == 1.0
    assert covered[EVEN_FRAMES] < 0.8
    for row in found:
        assert row.interval[0] <= row.covered <= row.interval[1]
        assert row.covered_short <= row.covered


def test_with_one_scene_per_frame_all_methods_cover_the_same():
    found = measure_coverage(far_apart(), num_frames=12, numbers_of_scenes=[12], num_videos=5)
    assert len({row.covered for row in found}) == 1
    assert all(row.redundancy == pytest.approx(found[0].redundancy) for row in found)


def test_the_command_on_clips(tmp_path, capsys, tiny_checkpoint):
    clips = [str(draw_clip(tmp_path / f"{number}.mp4", seconds=4 + number, fps=5)) for number in range(3)]
    results = tmp_path / "coverage.json"
    arguments = ["coverage", str(tiny_checkpoint), *clips, "--scenes", "4", "--videos", "3", "--output", str(results)]
    assert main(arguments) == 0
    table = unpadded(capsys.readouterr().out)
    rows = json.loads(results.read_text(encoding="utf-8"))["coverage"]
    assert [row["method"] for row in rows] == [EVEN_FRAMES, *METHODS]
    assert all(f"| 4 | {row['method']} | {row['covered']:.3f} |" in table for row in rows)
    early = tmp_path / "early.json"
    assert main([*arguments[:-1], str(early), "--selection-layer", "0"]) == 0
    found = json.loads(early.read_text(encoding="utf-8"))
    assert found["selection_layer"] == 0 and found["coverage"][-1]["redundancy"] != rows[-1]["redundancy"]
    assert main([*arguments, "--selection-layer", "99"]) == 1
    assert "selection_layer=99 must be from 0 to" in capsys.readouterr().err

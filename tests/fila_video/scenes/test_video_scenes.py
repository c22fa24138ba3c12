"""The result object: its data, its files, and what it says about wrong use."""

import json

import numpy as np
import pytest
from PIL import Image

import fila_video
from fila_video.scenes import Scene
from tests.fila_video.scenes.made_scenes import made_scenes


def test_the_package_names_what_it_holds():
    assert sorted(fila_video.scenes.__all__) == ["Scene", "VideoScenes", "of"]
    assert set(fila_video.scenes.__all__) <= set(dir(fila_video.scenes))
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = fila_video.scenes.missing
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = fila_video.missing


def test_scenes_show_each_frame_once():
    found = made_scenes(2, scene_frames=np.array([[2, 2, 2], [3, 5, 5]]))
    assert found.scenes == [Scene(0, 2, ()), Scene(1, 5, (3,))]


def test_the_data_by_hand():
    found = made_scenes(2, 1, merging_weight=np.full((1, 4, 3), 1.25, dtype=np.float32))
    assert found.to_dict() == {
        "video": {"name": "clip.mp4", "duration_seconds": 2.0},
        "settings": {"scene_selection": "kmeans", "scene_supplement": "similar", "scene_merging": "average"},
        "frames": [
            {"frame": 0, "index_in_video": 0, "seconds": 0.0, "cluster": 0},
            {"frame": 1, "index_in_video": 25, "seconds": 1.0, "cluster": 1},
        ],
        "scenes": [
            {"representative": 0, "representative_seconds": 0.0, "frames": [0], "frame_seconds": [0.0]},
            {"representative": 1, "representative_seconds": 1.0, "frames": [1], "frame_seconds": [1.0]},
        ],
        "uniform": [{"frame": 0, "seconds": 0.0}, {"frame": 1, "seconds": 1.0}],
        "similarities": [[1.0, 0.5], [0.5, 1.0]],
        "merging_maps": [[[25.0, 25.0], [25.0, 25.0]]],
    }


def test_merging_maps_are_means_over_channels_in_percent():
    weight = np.random.default_rng(0).uniform(0, 1, (2, 9, 5)).astype(np.float32)
    maps = made_scenes(merging_weight=weight).merging_maps
    assert maps.shape == (2, 3, 3)
    for frame, row, column in np.ndindex(2, 3, 3):
        expected = sum(100 * (float(value) - 0.5) / 0.5 for value in weight[frame, 3 * row + column]) / 5
        assert maps[frame, row, column] == pytest.approx(expected, abs=1e-4)


def test_json_is_the_data(found, tmp_path):
    path = found.save(tmp_path / "new folder" / "out.json")
    assert json.loads(path.read_text(encoding="utf-8")) == found.to_dict()


def test_png_is_the_contact_sheet(tmp_path):
    found = made_scenes()
    with Image.open(found.save(str(tmp_path / "out.PNG"))) as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture), np.asarray(found.contact_sheet()))


def test_the_same_scenes_give_the_same_files(tmp_path):
    for suffix in (".png", ".json", ".html"):
        first, second = (made_scenes().save(tmp_path / f"{name}{suffix}") for name in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_a_notebook_shows_the_sheet():
    shown = made_scenes(name='"><script>')._repr_html_()
    assert shown.startswith('<img src="data:image/jpeg;base64,')
    assert 'alt="Contact sheet of &quot;&gt;&lt;script&gt;: 0:12.0 long' in shown
    assert "<script>" not in shown


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("out.jpg", {}, "out.jpg must end with one of .html, .png, .json"),
        ("out", {}, "out must end with"),
        ("out.png", {"video_href": "clip.mp4"}, "video_href='clip.mp4' is for a page"),
        ("out.html", {"video_href": "https://example.org/clip.mp4"}, "must be relative"),
        ("out.html", {"video_href": "javascript:alert(1)"}, "must be relative"),
        ("out.html", {"video_href": "//example.org/clip.mp4"}, "must be relative"),
        ("out.html", {"video_href": "/clip.mp4"}, "must be relative"),
    ],
)
def test_wrong_ways_to_save(tmp_path, name, options, message):
    with pytest.raises(ValueError, match=message):
        made_scenes().save(tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_summaries():
    settings = {"scene_selection": "uniform", "scene_supplement": "similar", "scene_merging": "average"}
    assert made_scenes(settings=settings).summary == "0:12.0 long, 12 frames sampled, 4 scenes of 3 (uniform)"
    settings = {**settings, "scene_merging": "none"}
    assert made_scenes(1, 1, settings=settings).summary.endswith("1 scene of 1 (every frame)")

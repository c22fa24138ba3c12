"""The matplotlib figures: they draw what they say, and one error says what is missing without matplotlib."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from fila_video.common import extras
from fila_video.scenes.colors import cluster_color, to_rgb
from fila_video.training.model.merging_weights import draw_merging_weights
from tests.fila_video.scenes.made_scenes import made_scenes


WEIGHT = np.random.default_rng(0).uniform(0, 1, (3, 9, 4)).astype(np.float32)
STRANGE = made_scenes(name=r"a$\frac{1$ & <b>.mp4", merging_weight=WEIGHT)


@pytest.mark.parametrize("method", ["timeline", "similarity", "merging_weights"])
def test_figures_can_be_written_whatever_the_name(method, tmp_path):
    figure = getattr(STRANGE, method)()
    assert isinstance(figure, Figure)
    figure.savefig(tmp_path / "out.png")
    assert (tmp_path / "out.png").stat().st_size > 5000


@pytest.mark.parametrize(("num_scenes", "scene_size"), [(1, 1), (64, 2)])
@pytest.mark.parametrize("method", ["timeline", "similarity"])
def test_figures_of_few_and_many_scenes(method, num_scenes, scene_size, tmp_path):
    getattr(made_scenes(num_scenes, scene_size), method)().savefig(tmp_path / "out.svg")


def test_the_timeline_has_a_bar_for_each_frame_in_the_color_of_its_cluster():
    found = made_scenes(4, 3)
    (axes,) = found.timeline().axes
    (bars,) = axes.containers
    colors = [tuple(round(part * 255) for part in bar.get_facecolor()[:3]) for bar in bars]
    assert colors == [to_rgb(cluster_color(cluster)) for cluster in found.clusters]
    assert len(axes.images) == 4
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        *("representative", "supplement", "what uniform selection would choose"),
    ]


def test_the_matrix_is_that_of_the_frames():
    found = made_scenes(4, 3)
    axes = found.similarity().axes[0]
    assert np.array_equal(axes.images[0].get_array(), found.similarities)
    boxes = [(patch.get_x() + 0.5, patch.get_width()) for patch in axes.patches]
    assert boxes == [(0, 3), (3, 3), (6, 3), (9, 3)]


def test_the_weights_are_those_of_the_training_figure(tmp_path):
    import torch

    figure = STRANGE.merging_weights()
    maps = [axes.images[0].get_array() for axes in figure.axes[:3]]
    np.testing.assert_allclose(maps, STRANGE.merging_maps, atol=1e-4)
    draw_merging_weights(torch.from_numpy(WEIGHT), tmp_path / "training.png")
    figure.savefig(tmp_path / "scenes.png", dpi=120)
    assert (tmp_path / "training.png").read_bytes() == (tmp_path / "scenes.png").read_bytes()


def test_a_model_without_weights_has_no_figure_of_them():
    with pytest.raises(ValueError, match="this model has scene_merging='average'"):
        made_scenes().merging_weights()


@pytest.mark.parametrize("method", ["timeline", "similarity", "merging_weights"])
def test_matplotlib_may_be_missing(method, monkeypatch, tmp_path):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"A figure of scenes needs matplotlib: pip install 'fila-video\[scenes\]'"):
        getattr(STRANGE, method)()
    for suffix in (".html", ".png", ".json"):
        STRANGE.save(tmp_path / f"out{suffix}")

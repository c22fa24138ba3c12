"""Loading the model that benchmarks measure, and what it is refused for."""

import json
import shutil

import pytest

from fila_video.evaluation.benchmarks.load_benchmark_model import load_benchmark_model, weights_of
from modeling_fila.scene_merging import AverageSceneMerging
from tests.clips import draw_clip
from tests.environment import REPOSITORY


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"


def test_options_reach_the_pipeline_and_the_model(tmp_path):
    options = {"dtype": "float32", "attn_implementation": "eager", "scene_merging": "average", "num_frames": 12}
    pipe = load_benchmark_model(str(MINI), placement={"device": "cpu"}, num_scenes=None, **options)
    config = pipe.model.config
    assert (config.scene_merging, type(pipe.model.model.scene_merging)) == ("average", AverageSceneMerging)
    assert config.get_text_config()._attn_implementation == "eager"
    clip = draw_clip(tmp_path / "clip.mp4", seconds=4)
    (answer,) = pipe(str(clip), text="What?", max_new_tokens=1, return_scenes=True)
    # Twelve sampled frames give at most as many scenes; the model's own 48 would give all of its scenes.
    assert len(answer["scenes"]) == min(12, config.num_scenes)


def test_options_that_do_not_fit_are_refused_before_a_video_is_read():
    with pytest.raises(ValueError, match="scene_merging=attention does not fit this model"):
        load_benchmark_model(str(MINI), placement={"device": "cpu"}, scene_merging="attention")
    with pytest.raises(ValueError, match="scene_selection"):
        load_benchmark_model(str(MINI), placement={"device": "cpu"}, scene_selection="best")


def test_models_of_other_kinds_are_refused_by_their_type(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}), encoding="utf-8")
    with pytest.raises(ValueError, match="is a model of the type 'qwen2'. `fila-video convert`"):
        load_benchmark_model(str(tmp_path), placement={"device": "cpu"})
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        load_benchmark_model(str(tmp_path / "no" / "model"), placement={"device": "cpu"})


def test_weights_of_a_folder_change_with_its_files(tmp_path):
    for name in ("config.json", "model.safetensors"):
        shutil.copy(MINI / name, tmp_path / name)
    before = weights_of(str(tmp_path))
    assert weights_of(str(tmp_path)) == before
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert weights_of(str(tmp_path)) != before

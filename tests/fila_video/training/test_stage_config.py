"""Stages as files: the shipped ones have the paper's values, and an error names the field."""

import pytest

from fila_video.training.stage_config import SHIPPED_STAGES, changed_fields, load_stage, save_stage


SOURCES = "data.sources=[{path: a.json, media: a}]"
TABLE_4 = {
    # stage: (vision tower, projector, language model, merging), batch size
    "alignment": ((None, 1e-3, None, None), 32),
    "knowledge_injection": ((2e-6, 2e-6, 1e-5, None), 64),
    "image_instruction": ((2e-6, 2e-6, 1e-5, None), 128),
    "video_instruction": ((2e-6, 2e-6, 1e-5, 2e-6), 128),
}
PARTS = ("vision_tower", "multi_modal_projector", "language_model", "scene_merging")


def load(name: str, *overrides: str):
    return load_stage(name, ["model=m", SOURCES, *overrides])


@pytest.mark.parametrize("name", TABLE_4)
def test_the_papers_values(name):
    rates, batch_size = TABLE_4[name]
    stage = load(name)
    assert tuple(stage.learning_rates.get(part) for part in PARTS) == rates
    assert (stage.batch_size, stage.epochs, stage.schedule) == (batch_size, 1, "cosine")


def test_stage_4_sees_96_frames_as_32_scenes_of_three():
    stage = load("video_instruction")
    assert stage.data.num_frames == stage.model_options["num_frames"] == 96
    assert stage.model_options["scene_selection"] == "uniform"
    assert (stage.model_options["num_scenes"], stage.model_options["scene_size"]) == (32, 3)
    assert stage.inference_options["scene_selection"] == "kmeans"


def test_fila_base_sees_32_frames_and_merges_none():
    stage = load("video_instruction_base")
    assert stage.data.num_frames == stage.model_options["num_frames"] == 32
    assert stage.model_options["scene_merging"] == "none"
    assert stage.learning_rates["scene_merging"] is None
    assert stage.learning_rates["language_model"] == 1e-5


@pytest.mark.parametrize("path", sorted(SHIPPED_STAGES.rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_stage_loads_once_its_blanks_are_filled(path):
    stage = load(str(path))
    assert stage.name == path.stem
    assert stage.output.endswith(path.stem)


@pytest.mark.parametrize("thousands", [9, 20, 31, 42])
def test_table_5_limits_the_synthetic_samples(thousands):
    stage = load_stage(
        f"ablations/synthetic_{thousands}k",
        ["model=m", *(f"data.sources.{n}.{key}=x" for n in (0, 1) for key in ("path", "media"))],
    )
    assert [source.max_samples for source in stage.data.sources] == [None, thousands * 1000]


def test_the_subset_is_a_fifth_drawn_with_seed_42():
    for name in ("subset", "merging_none", "merging_attention"):
        data = load(f"ablations/{name}").data
        assert (data.share, data.subset_seed) == (0.2, 42)


def test_a_file_extends_another_and_the_command_line_both(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("extends: video_instruction.yaml\nbatch_size: 8\ndata: {num_frames: 48}\n")
    stage = load(str(file), "data.num_frames=24", "trainer.report_to=none")
    assert (stage.batch_size, stage.data.num_frames, stage.trainer) == (8, 24, {"report_to": "none"})
    assert stage.learning_rates["scene_merging"] == 2e-6


def test_what_is_saved_loads_the_same(tmp_path):
    stage = load("video_instruction")
    save_stage(stage, tmp_path / "stage.yaml")
    assert load_stage(tmp_path / "stage.yaml") == stage
    stage.batch_size = 64
    assert changed_fields(stage, tmp_path / "stage.yaml") == ["batch_size: 128 -> 64"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batch_sise=3", "alignment: batch_sise: Key 'batch_sise' not in"),
        ("batch_size=many", "alignment: batch_size: Value 'many'"),
        ("batch_size=0", "batch_size=0 must be positive"),
        ("learning_rates.visual_tower=1e-3", "no part 'visual_tower'"),
        ("learning_rates.multi_modal_projector=-1", "multi_modal_projector=-1.0 must be positive"),
        ("learning_rates.multi_modal_projector=null", "at least one part must be trained"),
        ("precision=fp8", "precision='fp8'"),
        ("optimizer=sgd", "optimizer='sgd'"),
        ("warmup_ratio=1", "warmup_ratio=1.0"),
        ("max_steps=0", "max_steps=0 must be positive"),
        ("save_total_limit=0", "save_total_limit=0 must be positive"),
        ("lora={r: 4}", "lora: its adapters belong to the language model, which this stage does not train"),
        ("data.unreadable_limit=lots", "data.unreadable_limit: Value 'lots'"),
        ("data.num_framez=3", "data.num_framez: Key 'num_framez' not in"),
        ("batch_size", "'batch_size' is not of the form key=value"),
        ("data.sources=[{path: a", r"data.sources=\[\{path: a cannot be read as YAML"),
        ("data.sources.5.path=x", "data.sources.5: list index out of range"),
        ("name=${other}", "Interpolation key 'other' not found"),
    ],
)
def test_what_is_wrong_is_named(override, message):
    with pytest.raises(ValueError, match=message):
        load("alignment", override)


def test_muon_and_adapters_do_not_go_together():
    with pytest.raises(ValueError, match="optimizer='muon' does not work with lora"):
        load("alignment", "optimizer=muon", "lora.r=4")


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="^alignment: no value for model; add model=VALUE.$"):
        load_stage("alignment", [])
    with pytest.raises(
        ValueError, match=r"no value for data.sources.0.path, data.sources.1.path; add data.sources.0.path"
    ):
        load_stage("video_instruction")


def test_all_sources_can_be_given_at_once():
    stage = load_stage("video_instruction", ["data.sources=[{path: records.json, media: videos}]"])
    assert [(source.path, source.media, source.ratio) for source in stage.data.sources] == [
        ("records.json", "videos", None)
    ]


def test_a_stage_without_data_can_be_planned():
    stage = load_stage("video_instruction", ["data.sources.0.num_frames=8"], needs_data=False)
    assert [source.num_frames for source in stage.data.sources] == [8, None]


def test_a_stage_that_is_not_there():
    with pytest.raises(
        FileNotFoundError, match="no shipped stage pretraining; the stages are .*alignment.*video_instruction"
    ):
        load_stage("pretraining")


def test_a_circle_is_an_error(tmp_path):
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    with pytest.raises(ValueError, match="extends itself"):
        load_stage(tmp_path / "a.yaml")


@pytest.mark.parametrize(("cpus", "workers"), [(1, 1), (2, 2), (16, 4)])
def test_the_default_number_of_workers_fits_the_machine(cpus, workers, monkeypatch):
    monkeypatch.setattr("fila_video.training.data.data_config.num_cpus", lambda: cpus)
    assert load("alignment").data.workers == workers

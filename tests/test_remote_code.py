"""A saved folder works where this project is not installed: as remote code, from a path and from the Hub's cache.

Each scenario is one process in each of the other environments (see tests/environment.py) and does what a user does:
load by every Auto class, ask, train, save, move, load again.
"""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import av
import pytest
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText, AutoProcessor

import fila_video.conversion.scratch
from convert_checkpoint import convert_checkpoint, main
from modeling_fila import FilaVideoForConditionalGeneration
from tests.clips import draw_clip
from tests.conftest import REAL_VIDEOS
from tests.environment import REPOSITORY


ENVIRONMENTS = ("public", "floor")
QUESTION = "What happens?"
REAL_CLIPS = ("dog.mp4", "vp9.webm", "rotated_90.mov", "non_zero_start.mp4")
# Tiny models are slower with more threads, especially while other tests run.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}

AUTO_MAP = {
    "AutoConfig": "configuration_fila.FilaVideoConfig",
    "AutoModel": "modeling_fila_video.FilaVideoModel",
    "AutoModelForImageTextToText": "modeling_fila_video.FilaVideoForConditionalGeneration",
    "AutoModelForMultimodalLM": "modeling_fila_video.FilaVideoForConditionalGeneration",
}
CUSTOM_PIPELINES = {
    "video-text-to-text": {"impl": "pipeline_fila.VideoTextToTextPipeline", "pt": ["AutoModelForImageTextToText"]}
}

# What every scenario begins with. `use` is all that a user does with a path or an id; it returns, for each video, what
# was answered and what the prompt held.
BEGIN = """
import importlib.util
import json
import os
import sys

import torch
import transformers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForImageTextToText,
    AutoModelForMultimodalLM,
    AutoProcessor,
    AutoVideoProcessor,
    pipeline,
)

OURS = ("configuration_fila", "fila_video", "modeling_fila", "pipeline_fila", "processing_fila")
assert [name for name in OURS if importlib.util.find_spec(name)] == []
CLASSES = {
    AutoConfig: "FilaVideoConfig",
    AutoProcessor: "FilaVideoProcessor",
    AutoVideoProcessor: "FilaVideoVideoProcessor",
    AutoModel: "FilaVideoModel",
    AutoModelForImageTextToText: "FilaVideoForConditionalGeneration",
    AutoModelForMultimodalLM: "FilaVideoForConditionalGeneration",
}
QUESTION = "What happens?"


def prompt(processor, video):
    content = [{"type": "video", "path": video}, {"type": "text", "text": QUESTION}]
    return processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )


def same_logits(base, model, inputs):
    with torch.no_grad():
        hidden = base(**inputs).last_hidden_state
        return torch.equal(model.lm_head(hidden), model(**inputs).logits)


def use(path, *videos):
    trust = {"trust_remote_code": True}
    loaded = {auto: auto.from_pretrained(path, **trust) for auto in CLASSES}
    for auto, name in CLASSES.items():
        cls = type(loaded[auto])
        assert cls.__name__ == name and cls.__module__.startswith("transformers_modules."), (auto, cls)
    model, processor = loaded[AutoModelForImageTextToText], loaded[AutoProcessor]
    assert type(processor.video_processor) is type(loaded[AutoVideoProcessor])
    config = loaded[AutoConfig]
    by_path = pipeline("video-text-to-text", model=path, config=config, **trust)
    by_object = pipeline("video-text-to-text", model=loaded[AutoModelForMultimodalLM], processor=processor)
    for used in (config, by_path.model.config, by_object.model.config):  # pipeline() puts classes into the first
        json.dumps(used.to_dict())
        assert used.to_json_string(use_diff=False) and used.to_json_string(use_diff=True)

    assert same_logits(loaded[AutoModel], model, prompt(processor, videos[0]))
    answers = [pipe(videos[0], text=QUESTION, max_new_tokens=6) for pipe in (by_path, by_object)]
    assert answers[0] == answers[1]
    results = []
    for video in videos:
        inputs = prompt(processor, video)
        output = model.generate(**inputs, max_new_tokens=6)
        answer = processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        (by_path_answer,) = by_path(video, text=QUESTION, max_new_tokens=6, return_scenes=True)
        assert by_path_answer["generated_text"] == answer
        ids = inputs["input_ids"][0]
        text = processor.decode(ids[ids != processor.video_token_id])
        results.append(
            {
                "answer": answer,
                "num_placeholders": int((ids == processor.video_token_id).sum()),
                "sentence": next(line for line in text.splitlines() if line.startswith("This video samples")),
                "num_scenes": len(by_path_answer["scenes"]),
            }
        )
    return results


arguments = json.loads(sys.argv[1])
"""


@pytest.fixture(scope="module")
def run(run_python):
    """run(scenario, environment, **arguments): what the scenario prints, with `arguments` for its own."""

    def run(scenario, environment, *, cwd=None, env=None, **arguments):
        code = BEGIN + textwrap.dedent(scenario)
        printed = run_python(
            code,
            json.dumps(arguments, default=str),
            environment=environment,
            cwd=cwd,
            env={**ONE_THREAD, **(env or {})},
        )
        return json.loads(printed.splitlines()[-1])

    return run


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    """4 seconds of 10 frames: 40 frames."""
    return draw_clip(tmp_path_factory.mktemp("clips") / "drawn.mp4", seconds=4)


# What the prompt of that clip holds. 40 frames become 32 scenes; 4 x 4 patches are pooled to 2 x 2; one newline token.
NUM_PLACEHOLDERS = 32 * 4 + 1
SENTENCE = (
    "This video samples 40 frames of a 4.0-second video at "
    + ", ".join(f"{second}.{tenth}" for second in range(4) for tenth in range(10))
    + " seconds."
)


@pytest.fixture(scope="module")
def new_checkpoint(tmp_path_factory) -> Path:
    """What convert_checkpoint.py writes."""
    folder = tmp_path_factory.mktemp("new") / "tiny"
    convert_checkpoint("scratch:tiny", folder)
    return folder


@pytest.fixture(scope="module")
def saved_checkpoint(tmp_path_factory, new_checkpoint) -> Path:
    """What transformers writes, of a model with weights so large that its answers depend on what it is shown."""
    folder = tmp_path_factory.mktemp("saved") / "changed"
    model = AutoModelForImageTextToText.from_pretrained(new_checkpoint)
    for name, weight in model.named_parameters():
        if "language_model.layers" in name and weight.ndim == 2:
            weight.data *= 8
    model.save_pretrained(folder)
    AutoProcessor.from_pretrained(new_checkpoint).save_pretrained(folder)
    return folder


def answer_here(folder: Path, video: Path) -> str:
    """The answer of the installed classes."""
    model = AutoModelForImageTextToText.from_pretrained(folder)
    assert type(model) is FilaVideoForConditionalGeneration
    processor = AutoProcessor.from_pretrained(folder)
    text = f"<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<video>\n{QUESTION}"
    inputs = processor(text=[f"{text}<|im_end|>\n<|im_start|>assistant\n"], videos=[str(video)], return_tensors="pt")
    output = model.generate(**inputs, max_new_tokens=6)
    return processor.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def check_saved_files(folder: Path) -> None:
    """The files of a folder that was saved, moved or not, lead to each other and nowhere else."""
    config = json.loads((folder / "config.json").read_text())
    assert config["auto_map"] == AUTO_MAP
    assert config["custom_pipelines"] == CUSTOM_PIPELINES
    processor = json.loads((folder / "processor_config.json").read_text())
    assert processor["auto_map"]["AutoProcessor"] == "processing_fila_video.FilaVideoProcessor"
    assert processor["video_processor"]["auto_map"]["AutoVideoProcessor"] == (
        "video_processing_fila_video.FilaVideoVideoProcessor"
    )
    assert [path.name for path in folder.glob("*config.json") if "--" in path.read_text()] == []


# ----------------------------------------------------------------------------------------------------------- folders


@pytest.fixture(scope="module")
def first_use(run, new_checkpoint, saved_checkpoint, clip):
    """What an environment answers about the drawn clip and, where they are at hand, the real ones."""
    cache = {}

    def first_use(environment):
        if environment not in cache:
            scenario = """
                of_new = use(arguments["new"], arguments["clip"])
                of_saved = use(arguments["saved"], arguments["clip"], *arguments["real"])
                print(json.dumps([transformers.__version__, of_new, of_saved]))
            """
            real = [REAL_VIDEOS / name for name in REAL_CLIPS if (REAL_VIDEOS / name).is_file()]
            folders = {"new": new_checkpoint, "saved": saved_checkpoint}
            cache[environment] = run(scenario, environment, clip=clip, real=real, **folders)
        return cache[environment]

    return first_use


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_auto_class_and_the_pipeline(first_use, environment, clip, new_checkpoint, saved_checkpoint):
    version, of_new, of_saved = first_use(environment)
    assert (version == transformers.__version__) == (environment == "public")
    for folder, results in ((new_checkpoint, of_new), (saved_checkpoint, of_saved)):
        assert results[0] == {
            "answer": answer_here(folder, clip),
            "num_placeholders": NUM_PLACEHOLDERS,
            "sentence": SENTENCE,
            "num_scenes": 32,
        }
        check_saved_files(folder)
    assert of_new[0]["answer"] != of_saved[0]["answer"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_real_clips(first_use, environment, real_video, saved_checkpoint):
    _, _, of_saved = first_use(environment)
    answers = [result["answer"] for result in of_saved]
    for name, result in zip(REAL_CLIPS, of_saved[1:], strict=True):
        with av.open(str(real_video(name))) as container:
            num_frames = sum(1 for _ in container.decode(video=0))
        sampled = min(num_frames, 96)
        assert result["sentence"].startswith(f"This video samples {sampled} frames of a "), name
        assert result["num_scenes"] == min(sampled, 32), name
        assert result["num_placeholders"] == min(sampled, 32) * 4 + 1, name
    assert answers[1] == answer_here(saved_checkpoint, real_video(REAL_CLIPS[0]))
    assert len(set(answers)) > 1


# --------------------------------------------------------------------------------------------- the Hub, and training


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def simulate_download(folder: Path, repository: str, cache: Path) -> None:
    """Leave in a Hugging Face home what downloading `repository` leaves: blobs, and a snapshot of links to them."""
    home = cache / "hub" / f"models--{repository.replace('/', '--')}"
    snapshot = home / "snapshots" / COMMIT
    for created in (home / "refs", home / "blobs", snapshot):
        created.mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    for path in folder.iterdir():
        blob = home / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
        blob.write_bytes(path.read_bytes())
        (snapshot / path.name).symlink_to(os.path.relpath(blob, snapshot))


USE_THE_HUB_THEN_TRAIN = """
    from safetensors.torch import save_file

    (result,) = use("org/name", arguments["clip"])
    pipe = pipeline("video-text-to-text", model="org/name", trust_remote_code=True)
    model, processor = pipe.model, pipe.processor
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    inputs = prompt(processor, arguments["clip"])
    labels = inputs["input_ids"].masked_fill(inputs["input_ids"] == processor.video_token_id, -100)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()
    model(**inputs, labels=labels).loss.backward()
    optimizer.step()
    model.eval()

    after = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    (answer,) = pipe(arguments["clip"], text=QUESTION, max_new_tokens=6)
    save_file(after, arguments["weights"])
    model.save_pretrained(arguments["by_parts"])
    processor.save_pretrained(arguments["by_parts"])
    pipe.save_pretrained(arguments["by_pipeline"])
    changed = [name for name in after if not torch.equal(before[name], after[name])]
    print(json.dumps({"used": result, "changed": changed, "answer": answer["generated_text"]}))
"""


@pytest.fixture(scope="module")
def trained(run, saved_checkpoint, clip, tmp_path_factory):
    """What an environment makes of a Hub download: the saved folders, moved after that, and what it printed."""
    cache = {}

    def trained(environment):
        if environment not in cache:
            base = tmp_path_factory.mktemp("trained")
            simulate_download(saved_checkpoint, "org/name", base / "home")
            saved = {name: base / "first" / name for name in ("by_parts", "by_pipeline")}
            weights = base / "weights.safetensors"
            home = {"HF_HOME": str(base / "home")}
            printed = run(USE_THE_HUB_THEN_TRAIN, environment, env=home, clip=clip, weights=weights, **saved)
            moved = {"by_parts": base / "my-model-v1.0", "by_pipeline": base / "elsewhere" / "by_pipeline"}
            for name, folder in moved.items():
                folder.parent.mkdir(exist_ok=True)
                saved[name].rename(folder)
            cache[environment] = {**printed, "folders": list(moved.values()), "weights": weights}
        return cache[environment]

    return trained


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_from_the_hubs_cache_by_id(trained, environment, clip, saved_checkpoint):
    used = trained(environment)["used"]
    assert used["answer"] == answer_here(saved_checkpoint, clip)
    assert used["sentence"] == SENTENCE


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_saved_after_training_names_no_other_place(trained, environment, saved_checkpoint):
    made = trained(environment)
    trains = ("model.scene_merging.weight", "model.multi_modal_projector.linear_1.weight", "model.image_newline")
    assert {*trains, "lm_head.weight"} <= set(made["changed"])
    code = {path.name for path in saved_checkpoint.glob("*.py")}
    for folder in made["folders"]:
        check_saved_files(folder)
        assert {path.name for path in folder.iterdir()} == {path.name for path in saved_checkpoint.iterdir()}
        for name in code:
            assert (folder / name).read_bytes() == (saved_checkpoint / name).read_bytes(), name
        kept, wanted = load_file(folder / "model.safetensors"), load_file(made["weights"])
        assert kept.keys() == wanted.keys()
        assert all(kept[name].equal(wanted[name]) for name in wanted)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_moved_folder_loads_in_a_new_process(trained, run, environment, clip):
    """Of both environments, so also on an older and a newer transformers than it was saved with."""
    made = {name: trained(name) for name in ENVIRONMENTS}
    scenario = """
        from safetensors.torch import load_file

        answers = []
        for folders, weights, paths in arguments["made"]:
            wanted = load_file(weights)
            for folder in folders:
                state = AutoModelForImageTextToText.from_pretrained(folder, trust_remote_code=True).state_dict()
                assert state.keys() == wanted.keys()
                assert all(torch.equal(state[name], wanted[name]) for name in wanted)
            for directory, path in paths:
                os.chdir(directory)
                (result,) = use(path, arguments["clip"])
                answers.append(result["answer"])
        print(json.dumps(answers))
    """
    own, other = made[environment], next(made[name] for name in ENVIRONMENTS if name != environment)
    by_parts, by_pipeline = own["folders"]
    assert by_parts.name == "my-model-v1.0"
    paths = [(by_parts.parent, by_parts.name), (by_parts, "."), ("/", by_pipeline)]
    of_other = [("/", other["folders"][0])]
    entries = [(own["folders"], own["weights"], paths), (other["folders"], other["weights"], of_other)]
    answers = run(scenario, environment, clip=clip, made=entries)
    assert answers == [own["answer"]] * 3 + [other["answer"]]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_model_gets_the_pipeline_of_its_own_repository(run, environment, new_checkpoint, saved_checkpoint):
    scenario = """
        trust = {"trust_remote_code": True}
        repositories = []
        for path in arguments["paths"]:
            model = AutoModelForImageTextToText.from_pretrained(path, **trust)
            processor = AutoProcessor.from_pretrained(path, **trust)
            pipe = pipeline("video-text-to-text", model=model, processor=processor)
            assert pipe.model is model
            repositories.append([type(part).__module__.split(".")[1] for part in (model, pipe)])
        print(json.dumps(repositories))
    """
    found = run(scenario, environment, paths=[new_checkpoint, saved_checkpoint])
    assert [pipe for _, pipe in found] == [model for model, _ in found]
    assert len({model for model, _ in found}) == 2


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_processor_goes_to_other_processes(run, environment, new_checkpoint, clip):
    """`datasets.map(num_proc=2)` sends a function and the processor that it uses to its workers with dill."""
    scenario = """
        import dill
        from datasets import Dataset


        def main():
            processor = AutoProcessor.from_pretrained(arguments["path"], trust_remote_code=True)
            copied = dill.loads(dill.dumps(processor))
            ids, copied_ids = (prompt(given, arguments["clip"])["input_ids"] for given in (processor, copied))
            assert torch.equal(ids, copied_ids)

            def count(row):
                ids = prompt(processor, row["video"])["input_ids"]
                return {"placeholders": int((ids == processor.video_token_id).sum())}

            rows = Dataset.from_list([{"video": arguments["clip"]}] * 2)
            print(json.dumps(rows.map(count, num_proc=2)["placeholders"][:]))


        main()
    """
    assert run(scenario, environment, path=new_checkpoint, clip=clip) == [NUM_PLACEHOLDERS] * 2


# ------------------------------------------------------------------------------------------------ convert_checkpoint


def test_converting_ends_with_0(tmp_path, capsys):
    assert main(["scratch:tiny", str(tmp_path / "new" / "tiny")]) == 0
    assert capsys.readouterr().out == f"Wrote {tmp_path / 'new' / 'tiny'}\n"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny"]
    (tmp_path / "empty").mkdir()
    assert main(["scratch:tiny", str(tmp_path / "empty")]) == 0
    assert sorted(os.listdir(tmp_path)) == ["empty", "new"]


def test_converting_an_unknown_source_ends_with_1(tmp_path):
    command = [sys.executable, REPOSITORY / "convert_checkpoint.py", "org/unknown", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("convert_checkpoint: ") and "org/unknown: " in line
    assert done.stdout == "" and list(tmp_path.iterdir()) == []


def test_converting_an_unknown_size_ends_with_1(tmp_path, capsys):
    assert main(["scratch:huge", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "scratch:huge" in line and "scratch:tiny" in line
    assert list(tmp_path.iterdir()) == []


def test_converting_never_overwrites(tmp_path, capsys):
    full, file = tmp_path / "full", tmp_path / "file"
    full.mkdir()
    for path in (full / "precious", file):
        path.write_text("kept")
    for output in (full, file):
        assert main(["scratch:tiny", str(output)]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert str(output) in line
    assert (full / "precious").read_text() == file.read_text() == "kept"
    assert sorted(os.listdir(tmp_path)) == ["file", "full"] and os.listdir(full) == ["precious"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError("No space left on device")])
def test_an_interrupted_conversion_leaves_nothing(tmp_path, capsys, monkeypatch, error):
    write_shards = fila_video.conversion.scratch.write_shards

    def interrupted(folder, tensors, *arguments):
        write_shards(folder, tensors, *arguments)  # all but the last step is done
        assert (folder / "model.safetensors").is_file() and folder.parent == tmp_path
        raise error

    monkeypatch.setattr(fila_video.conversion.scratch, "write_shards", interrupted)
    if isinstance(error, OSError):
        assert main(["scratch:tiny", str(tmp_path / "out")]) == 1
        assert "No space left on device" in capsys.readouterr().err
    else:
        with pytest.raises(error):
            main(["scratch:tiny", str(tmp_path / "out")])
    assert list(tmp_path.iterdir()) == []

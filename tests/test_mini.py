"""The shipped checkpoint answers as its card says, wherever and however it is loaded."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, QuantoConfig, pipeline

import fila_video  # noqa: F401  (registers the classes)
from fila_video.evaluation.ask import ask_split
from fila_video.evaluation.scores import SCORES_FILE, load_scores, scores_of
from fila_video.mini.card import offered_types
from fila_video.world.make_data import DataPlan, make_data
from fila_video.world.video_kinds import USUAL
from tests.environment import REPOSITORY
from tests.tables import unpadded


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
SEED = 77  # different from the seed of the videos that the card was measured on
TASK = "video-text-to-text"


@pytest.fixture(scope="module")
def offered() -> list[str]:
    return offered_types(load_scores(MINI / SCORES_FILE)["test"])


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("held out")
    make_data(folder, DataPlan("test", 15, 14, seed=SEED, options=USUAL))
    return folder


@pytest.fixture(scope="module")
def answered(data):
    return list(ask_split(pipeline(TASK, str(MINI), dtype=torch.float32), data))


def test_it_answers_what_it_may_be_asked(answered, offered):
    """On videos that its card was not measured on, the share of correct answers agrees within the interval."""
    assert len(offered) >= 3
    card = load_scores(MINI / SCORES_FILE)["test"]
    asked = [answer for answer in answered if answer.type in offered]
    expected = sum(card[answer.type].share for answer in asked) / len(asked)
    low, high = scores_of(asked)["all"].interval
    assert low <= expected + 0.02 and high >= expected - 0.02 and low > 0.8


@pytest.mark.parametrize("weights", ["bfloat16", "int8"])
def test_answers_do_not_depend_on_the_dtype_of_weights(answered, data, offered, weights):
    """At least 98 of 100 answers to types that are offered are the same as with float32, word by word."""
    options = {"dtype": torch.bfloat16}
    if weights == "int8":
        kept = AutoConfig.from_pretrained(MINI).modules_to_not_quantize
        quantization = QuantoConfig(weights="int8", modules_to_not_convert=kept)
        options = {"dtype": torch.float32, "model_kwargs": {"quantization_config": quantization}}
    others = list(ask_split(pipeline(TASK, str(MINI), **options), data))
    is_same = [one.given == other.given for one, other in zip(answered, others, strict=True) if one.type in offered]
    assert len(is_same) > 50 and sum(is_same) / len(is_same) >= 0.98


def test_it_is_small_and_in_bfloat16():
    assert (MINI / "model.safetensors").stat().st_size <= 16e6
    assert json.loads((MINI / "config.json").read_text(encoding="utf-8"))["dtype"] == "bfloat16"


def test_its_code_is_that_of_this_repository():
    """Links, so that it is never out of date. A folder on the Hub holds copies."""
    shipped = {path.name: path.read_bytes() for path in MINI.glob("*.py")}
    sources = [path for folder in ("modeling_fila", "processing_fila") for path in (REPOSITORY / folder).glob("*.py")]
    assert shipped == {path.name: path.read_bytes() for path in sources if path.name in shipped}
    assert {"configuration_fila.py", "modeling_fila_video.py", "pipeline_fila.py", "reader.py"} <= shipped.keys()


def test_the_card_holds_the_scores():
    card = unpadded((MINI / "README.md").read_text(encoding="utf-8"))
    for split, of_type in load_scores(MINI / SCORES_FILE).items():
        for name, score in of_type.items():
            assert f"| {name} | {score.asked} | {score.share:.3f} |" in card, (split, name)


ASK = """
import json, sys
from transformers import pipeline

pipe = pipeline("video-text-to-text", model=sys.argv[1], trust_remote_code=True, dtype="float32")
prompts = json.loads(sys.argv[2])
print("ANSWERS" + json.dumps([pipe(video, text=text)[0]["generated_text"] for video, text in prompts]))
"""


@pytest.mark.parametrize("environment", ["public", "floor"])
def test_it_answers_the_same_where_nothing_of_ours_is_installed(run_python, answered, data, environment):
    asked = answered[:14]
    prompts = json.dumps([[str(data / answer.video), answer.text] for answer in asked])
    printed = run_python(ASK, MINI, prompts, environment=environment)
    (line,) = [line for line in printed.splitlines() if line.startswith("ANSWERS")]
    given = [text.strip() for text in json.loads(line.removeprefix("ANSWERS"))]
    assert given == [answer.given for answer in asked]

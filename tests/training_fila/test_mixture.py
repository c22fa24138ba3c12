"""Sources become one data set: whole, in shares, mixed by ratios, or streamed."""

import json

import pytest
import torch

from tests.training_fila.conftest import record, write_records
from training_fila.data_config import DataConfig, SourceConfig
from training_fila.mixture import load_training_data
from training_fila.records import RecordError


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Two files of text samples: 4000 called a, 400 called b."""
    folder = tmp_path_factory.mktemp("many")
    files = {}
    for name, count in (("a", 4000), ("b", 400)):
        records = [record(f"{name}{n}", "Question?", f"Answer {n}.") for n in range(count)]
        files[name] = folder / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(entry) + "\n" for entry in records))
    return files


def load(processor, *sources: SourceConfig, **options):
    return load_training_data(DataConfig(sources=list(sources), **options), processor=processor, seed=5)


def names(dataset) -> list[str]:
    return [dataset[index]["id"] for index in range(len(dataset))]


def test_sources_without_ratios_follow_each_other(processor, many):
    dataset = load(processor, SourceConfig(str(many["a"])), SourceConfig(str(many["b"])))
    assert names(dataset) == [f"a{n}" for n in range(4000)] + [f"b{n}" for n in range(400)]


def test_ratios_mix_1_to_40(processor, many):
    """Until the first source is used up; the share of the rare one is binomial: 4 standard deviations."""
    dataset = load(processor, SourceConfig(str(many["a"]), ratio=40), SourceConfig(str(many["b"]), ratio=1))
    found = names(dataset)
    count = len(found)
    assert len(set(found)) == count and 3900 < count
    rare = sum(name.startswith("b") for name in found)
    assert abs(rare - count / 41) < 4 * (count * 1 / 41 * 40 / 41) ** 0.5


def test_a_share_is_the_same_for_the_same_seed(processor, many):
    def subset(seed):
        return names(load(processor, SourceConfig(str(many["a"])), share=0.2, subset_seed=seed))

    assert subset(42) == subset(42) != subset(43)
    assert len(set(subset(42))) == 800


def test_so_many_samples_and_no_fewer(processor, many):
    assert len(load(processor, SourceConfig(str(many["b"]), max_samples=31))) == 31
    with pytest.raises(ValueError, match="has 400 samples, fewer than max_samples=9000"):
        load(processor, SourceConfig(str(many["b"]), max_samples=9000))


def test_streaming_gives_the_same_rows(processor, many):
    mapped = load(processor, SourceConfig(str(many["b"])))
    streamed = load(processor, SourceConfig(str(many["b"])), streaming=True, workers=2, shuffle_buffer=10)
    assert isinstance(streamed, torch.utils.data.IterableDataset)
    loader = torch.utils.data.DataLoader(streamed, batch_size=None, num_workers=2)
    rows = {row["id"]: row["messages"] for row in loader}
    assert rows == {mapped[index]["id"]: mapped[index]["messages"] for index in range(len(mapped))}


def test_keys_carry_the_epoch(processor, many):
    dataset = load(processor, SourceConfig(str(many["b"])))
    assert dataset[(3, 7)]["epoch"] == 3 and dataset[(3, 7)]["id"] == dataset[7]["id"] == "b7"


def test_lengths_rank_videos_above_pictures_above_text(processor, media, image_records, video_records):
    text = write_records(media / "text.json", [record("t", "Question?", "Answer.")])
    sources = [SourceConfig(str(path)) for path in (text, image_records, video_records)]
    dataset = load(processor, *sources, num_frames=96)
    assert list(dataset.modalities) == ["text"] + ["image"] * 8 + ["video"] * 4
    # "Question?" and "Answer." have 16 characters; the tiny model sees 32 scenes of 2 x 2 and a newline.
    assert dataset.lengths[0] == 16 // 4
    assert dataset.lengths[-1] == len("What happens?Clip number 3.") // 4 + 32 * 4 + 1


def test_a_changed_file_is_read_again(processor, tmp_path):
    path = write_records(tmp_path / "a.json", [record("old", "Question?", "Answer.")])
    assert names(load(processor, SourceConfig(str(path)))) == ["old"]
    write_records(path, [record("newer", "Question?", "Answer.")])
    assert names(load(processor, SourceConfig(str(path)))) == ["newer"]


def test_a_bad_record_is_named(processor, tmp_path):
    good, bad = record("good", "Question?", "Answer."), record("bad", "<image>\nWhat?", "A dog.")
    path = write_records(tmp_path / "a.json", [good, bad])
    with pytest.raises(RecordError, match="a: record 'bad' has 1 placeholders"):
        load(processor, SourceConfig(str(path)))


def test_a_line_that_is_no_json_is_named(processor, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record("good", "Question?", "Answer.")) + "\n{oops\n")
    with pytest.raises(RecordError, match=r"a\.jsonl, line 2"):
        load(processor, SourceConfig(str(path)))


def test_a_missing_file(processor, tmp_path):
    with pytest.raises(FileNotFoundError, match="none.json"):
        load(processor, SourceConfig(str(tmp_path / "none.json")))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"template": "chatml"}, "data.template='chatml'"),
        ({"too_long": "cut"}, "data.too_long='cut'"),
        ({"share": 0.0}, "data.share=0.0"),
        ({"num_frames": 3, "fps": 1}, "data.num_frames=3 and data.fps=1"),
    ],
)
def test_values_that_mean_nothing(processor, many, options, message):
    with pytest.raises(ValueError, match=message):
        load(processor, SourceConfig(str(many["b"])), **options)


def test_ratios_for_all_or_none(processor, many):
    with pytest.raises(ValueError, match=r"ratios are \[1, None\]"):
        load(processor, SourceConfig(str(many["a"]), ratio=1), SourceConfig(str(many["b"])))
    with pytest.raises(ValueError, match=r"positive, got \[0"):
        load(processor, SourceConfig(str(many["a"]), ratio=0), SourceConfig(str(many["b"]), ratio=1))
    with pytest.raises(ValueError, match="nothing to train on"):
        load(processor)

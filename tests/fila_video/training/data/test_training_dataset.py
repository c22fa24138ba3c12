"""Sources become one data set: complete, in part, mixed by ratios, or streamed."""

import itertools
import json
from collections import Counter

import pytest
import torch

from fila_video.training.data.data_config import DataConfig, SourceConfig
from fila_video.training.data.records import RecordError
from fila_video.training.data.sources import stream_source
from fila_video.training.data.training_dataset import load_training_data
from tests.fila_video.training.conftest import record, write_records


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
    rare = [int(name[1:]) for name in found if name.startswith("b")]
    assert abs(len(rare) - count / 41) < 4 * (count * 1 / 41 * 40 / 41) ** 0.5
    assert max(rare) > 2 * len(rare)  # from the whole file, not its beginning


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
    source = SourceConfig(str(many["b"]))
    mapped = load(processor, source)
    streamed = stream_source(source, DataConfig(sources=[source], streaming=True, workers=2))
    rows = list(torch.utils.data.DataLoader(streamed, batch_size=None, num_workers=2, multiprocessing_context="spawn"))
    assert sorted(row["id"] for row in rows) == sorted(names(mapped))
    expected = {mapped[index]["id"]: mapped[index]["messages"] for index in range(len(mapped))}
    assert {row["id"]: row["messages"] for row in rows} == expected


def test_a_stream_begins_again(processor, many):
    """The first 800 of 400 samples: each of them twice, but for those that still wait in the buffer."""
    streamed = load(processor, SourceConfig(str(many["b"])), streaming=True, workers=0, shuffle_buffer=10)
    assert isinstance(streamed, torch.utils.data.IterableDataset)
    found = [row["id"] for row in itertools.islice(streamed, 800)]
    assert sum(count == 2 for count in Counter(found).values()) >= 400 - 10
    assert found[:400] != found[400:]


def test_a_streamed_mixture_has_its_ratio(processor, many):
    sources = (SourceConfig(str(many["a"]), ratio=4), SourceConfig(str(many["b"]), ratio=1))
    streamed = load(processor, *sources, streaming=True, workers=0)
    rare = sum(row["id"].startswith("b") for row in itertools.islice(streamed, 1000))
    assert abs(rare - 200) < 4 * (1000 * 0.2 * 0.8) ** 0.5


def test_a_stream_needs_a_sample_for_each_worker(processor, many, tmp_path):
    """A worker without one would look for it forever."""
    path = write_records(tmp_path / "a.json", [record("a", "Question?", "Answer.")] * 2)
    streamed = load(processor, SourceConfig(str(path)), streaming=True, workers=3)
    with pytest.raises(RecordError, match=r"a\.json has 2 records; training needs at least 3"):
        next(iter(streamed))
    with pytest.raises(ValueError, match="max_samples=1 leaves no sample for some of 2 workers"):
        load(processor, SourceConfig(str(many["b"]), max_samples=1), streaming=True, workers=2)


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
    num_words = len("What happens?Clip number 3.") // 4
    assert dataset.lengths[-1] == num_words + 32 * 4 + 1
    assert load(processor, *sources[-1:], num_frames=1).lengths[-1] == num_words + 1 * 4 + 1
    sources[-1].num_frames = 2
    assert load(processor, *sources[-1:], num_frames=1).lengths[-1] == num_words + 2 * 4 + 1


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


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (("Question?", "Answer.", "And?"), "alternating questions and answers"),
        (("<image>\nQuestion?", "Answer.", "<image>\nAnd?", "Yes."), "all media in the first question"),
        (("Question <image>?", "Answer."), "the media before the text"),
    ],
)
def test_a_chat_whose_questions_cannot_be_separated_is_named_before_training(turns, message, processor, tmp_path):
    images = ["0.png"] * sum("<image>" in turn for turn in turns)
    path = write_records(tmp_path / "a.json", [record("bad", *turns, image=images)])
    assert len(load(processor, SourceConfig(str(path)))) == 1
    with pytest.raises(RecordError, match=f"a: record 'bad': .*{message}"):
        load(processor, SourceConfig(str(path)), questions="separate")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{oops", r"a\.json: Expecting"),
        ("{}", r"a\.json does not contain a list of records"),
        ("[]", r"a\.json has 0 records"),
        ("[" * 100_000, r"a\.json: maximum recursion depth"),
        (b"[{\xff", r"a\.json: 'utf-8' codec can't decode byte 0xff"),
        ("[3]", "a: a record must be an object, not 3"),
        ('[{"conversations": []}]', "a: record 'number 1' has no answer"),
    ],
)
def test_a_file_without_records_says_so(processor, tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RecordError, match=message):
        load(processor, SourceConfig(str(path)))


@pytest.mark.parametrize("line", [b"{oops", b'{"id": "\xff"}'])
def test_a_line_that_is_no_json_is_named(line, processor, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(json.dumps(record("good", "Question?", "Answer.")).encode() + b"\n" + line + b"\n")
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
        ({"num_frames": 3, "fps": 1}, "data.num_frames=3 and data.fps=1.* are both given"),
        ({"num_frames": [8, 0]}, r"data.num_frames=\[8, 0\] must be a whole number above 0"),
        ({"num_frames": []}, r"data.num_frames=\[\]"),
        ({"fps": "fast"}, "data.fps='fast' must be a number above 0"),
        ({"timestamps": "all"}, "data.timestamps='all'"),
        ({"max_length": 0}, "data.max_length=0 must be at least 1"),
        ({"workers": -1}, "data.workers=-1 must be at least 0"),
        ({"share": 0.2, "streaming": True}, "data.share=0.2 needs all samples"),
    ],
)
def test_values_that_mean_nothing(processor, many, options, message):
    with pytest.raises(ValueError, match=message):
        load(processor, SourceConfig(str(many["b"])), **options)


def test_frames_of_a_source_that_mean_nothing(processor, many):
    with pytest.raises(ValueError, match=r"data.sources.0.num_frames=0 must be a whole number above 0"):
        load(processor, SourceConfig(str(many["b"]), num_frames=0))


def test_ratios_for_all_or_none(processor, many):
    with pytest.raises(ValueError, match=r"ratios are \[1, None\]"):
        load(processor, SourceConfig(str(many["a"]), ratio=1), SourceConfig(str(many["b"])))
    with pytest.raises(ValueError, match=r"positive; they are \[0"):
        load(processor, SourceConfig(str(many["a"]), ratio=0), SourceConfig(str(many["b"]), ratio=1))
    with pytest.raises(ValueError, match="nothing to train on"):
        load(processor)
    with pytest.raises(ValueError, match="max_samples=0 of .*b.jsonl must be at least 1"):
        load(processor, SourceConfig(str(many["b"]), max_samples=0))

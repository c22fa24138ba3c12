"""Batches: the labels, how unequal samples are put together, and what happens to samples that cannot be used."""

import json

import pytest
import torch
from PIL import Image

from fila_video.training.data.collator import FilaVideoCollator, TooLongError
from fila_video.training.data.data_config import DataConfig, SourceConfig
from fila_video.training.data.load_sample import FrameRates, UnreadableSampleError
from fila_video.training.data.records import chat_of
from fila_video.training.data.skipping_collator import SkippingCollator
from modeling_fila import FilaVideoForConditionalGeneration
from tests.fila_video.training.conftest import record


pytestmark = pytest.mark.assistant_masks


def row(media, name: str, *turns: str, template: str = "chat", **files) -> dict:
    made = chat_of(record(name, *turns, **files), folder=str(media), source="file", template=template)
    return {**made, "messages": json.dumps(made["messages"])}


def labeled(processor, batch: dict, place: int = 0) -> str:
    labels = batch["labels"][place]
    return processor.decode(labels[labels != -100])


def test_labels_are_what_the_assistant_says_with_its_end(processor, media):
    turns = ("<image>\nWhat is it?", "A picture.", "Which color?", "Many colors.")
    batch = FilaVideoCollator(processor)([row(media, "a", *turns, image="0.png")])
    assert labeled(processor, batch) == "A picture.<|im_end|>Many colors.<|im_end|>"
    is_label = batch["labels"] != -100
    assert torch.equal(batch["labels"][is_label], batch["input_ids"][is_label])


def test_llavas_variant_labels_the_markers_of_every_turn(processor, media):
    """Every <|im_start|>, <|im_end|> and line break, wherever it stands, and what the assistant says."""
    sample = row(media, "a", "<image>\nWhat is it?", "A picture.", image="0.png")
    batch = FilaVideoCollator(processor, label_turn_markers=True)([sample])
    text = processor.decode(batch["input_ids"][0])
    markers = {processor.tokenizer.convert_tokens_to_ids(marker) for marker in ("<|im_start|>", "<|im_end|>", "Ċ")}
    is_marker = torch.isin(batch["input_ids"][0], torch.tensor(sorted(markers)))
    assert int(is_marker.sum()) == text.count("<|im_start|>") + text.count("<|im_end|>") + text.count("\n")
    plain = FilaVideoCollator(processor)([sample])
    assert torch.equal(batch["labels"][0] != -100, is_marker | (plain["labels"][0] != -100))


def test_a_caption_is_the_picture_then_the_caption(processor, media):
    sample = row(media, "a", "Describe it.\n<image>", "a noise", template="caption", image="0.png")
    batch = FilaVideoCollator(processor, template="caption")([sample])
    assert processor.decode(batch["input_ids"][0]).replace("<image>", "") == "a noise\n"
    assert labeled(processor, batch) == "a noise\n"


def test_unequal_samples_are_padded_and_give_the_loss_they_give_alone(processor, checkpoint, media):
    """Three kinds of samples together: the sum of their losses is the sum of each one's own."""
    samples = [
        row(media, "v", "<video>\nWhat happens?", "It moves.", video="0.mp4"),
        row(media, "w", "<video>\nWhat happens in it?", "It moves and then stops.", video="3.mp4"),
        row(media, "i", "<image>\nWhat is it?", "A picture.", image="0.png"),
        row(media, "j", "Is <image> like <image>?", "No.", image=["1.png", "2.png"]),
        row(media, "t", "Hello", "Hi."),
    ]
    collate = FilaVideoCollator(processor)
    model = FilaVideoForConditionalGeneration.from_pretrained(checkpoint).eval()

    def loss_sum(batch: dict) -> float:
        with torch.no_grad():
            return model(**batch, num_items_in_batch=1).loss.item()

    together = collate(samples)
    assert together["pixel_values_videos"].shape[:2] == (2, 7)
    assert together["video_frame_mask"].sum(1).tolist() == [4, 7]
    assert together["attention_mask"][:, 0].all()  # padded on the right
    alone = sum(loss_sum(collate([sample])) for sample in samples)
    assert loss_sum(together) == pytest.approx(alone, rel=1e-4)


def test_times_of_the_selected_scenes_come_along(processor, checkpoint, media):
    sample = row(media, "v", "<video>\nWhat happens?", "It moves.", video="3.mp4")
    batch = FilaVideoCollator(processor, timestamps="selected")([sample, sample])
    assert {"frame_time_ids", "times_are_interleaved"} <= batch.keys()
    model = FilaVideoForConditionalGeneration.from_pretrained(checkpoint)
    model(**batch).loss.backward()


@pytest.mark.parametrize("questions", ["chat", "separate"])
def test_subtitles_stand_in_the_prompt(processor, media, questions, tmp_path):
    lines = "1\n00:00:00,000 --> 00:00:00,900\nGood morning <|im_end|>\n"
    (media / "a.srt").write_text(lines)
    turns = ("<video>\nWhat is it?", "A video.", "Which color?", "Many colors.")
    collate = FilaVideoCollator(processor, questions=questions)
    text = processor.decode(collate([row(media, "a", *turns, video="0.mp4", subtitles="a.srt")])["input_ids"][0])
    assert "The subtitles of this video are:\n0.0 to 0.9 seconds: Good morning\nWhat is it?" in text
    assert "subtitles" not in processor.decode(collate([row(media, "a", *turns, video="0.mp4")])["input_ids"][0])
    with pytest.raises(UnreadableSampleError, match=r"a: .*0\.mp4 cannot be read: .*b\.srt does not exist"):
        collate([row(media, "a", *turns, video="0.mp4", subtitles="b.srt")])
    with pytest.raises(UnreadableSampleError, match=r"0\.mp4 has no subtitle track"):
        collate([row(media, "a", *turns, video="0.mp4", subtitles=True)])


def test_frame_rates_are_drawn_for_each_sample_and_epoch():
    rates = FrameRates(num_frames=[8, 16, 32], seed=1)
    drawn = [rates.of(f"sample {n}", epoch)["num_frames"] for n in range(60) for epoch in (0, 1)]
    assert set(drawn) == {8, 16, 32}
    assert drawn == [rates.of(f"sample {n}", epoch)["num_frames"] for n in range(60) for epoch in (0, 1)]
    assert drawn[::2] != drawn[1::2]
    assert FrameRates(fps=[0.5, 1.0], max_frames=96).of("a", 0).keys() == {"fps", "max_frames"}
    assert FrameRates(fps=1.0, max_frames=64, num_frames_of={"long": 96}).of("a", 0, "long") == {"num_frames": 96}


def test_a_source_may_have_frames_of_its_own(processor, media):
    data = DataConfig(sources=[SourceConfig("a.json"), SourceConfig("b.json", name="long", num_frames=5)], num_frames=3)
    collator = SkippingCollator.of_data(processor, data, seed=0)
    samples = [row(media, "v", "<video>\nWhat happens?", "It moves.", video="3.mp4") for _ in range(2)]
    batch = collator([{**samples[0], "source": "a"}, {**samples[1], "source": "long"}])
    assert batch["video_frame_mask"].sum(1).tolist() == [3, 5]
    data.sources[0].name = "long"
    with pytest.raises(ValueError, match="called 'long' and have num_frames=None and 5"):
        SkippingCollator.of_data(processor, data, seed=0)


def test_the_drawn_number_of_frames_is_read(processor, media):
    sample = row(media, "v", "<video>\nWhat happens?", "It moves.", video="3.mp4")
    batch = FilaVideoCollator(processor, rates=FrameRates(num_frames=[3]))([sample])
    assert batch["video_frame_mask"].sum() == 3


def test_chats_of_other_trainers(processor, media):
    """Content as text, pictures in memory, and the empty fields that a table of unequal parts has."""
    content = [
        {"type": "image", "image": Image.new("RGB", (40, 30)), "text": None},
        {"type": "text", "text": "What is it?", "image": None},
    ]
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "Black."}]
    assert labeled(processor, FilaVideoCollator(processor)([{"messages": messages}])) == "Black.<|im_end|>"
    with pytest.raises(ValueError, match="must have 'messages'.* this one has text"):
        FilaVideoCollator(processor)([{"text": "Hello"}])


def test_a_completion_is_labeled_and_answers_in_its_prompt_are_not(processor, media):
    """TRL's format: the same tokens as one chat, of which only the last answer is labeled."""
    turns = ("<image>\nWhat is it?", "A picture.", "Which color?", "Many colors.")
    whole = json.loads(row(media, "a", *turns, image="0.png")["messages"])
    halves = {"prompt": whole[:3], "completion": whole[3:]}
    batch = FilaVideoCollator(processor)([halves, {"messages": whole}])
    assert torch.equal(batch["input_ids"][0], batch["input_ids"][1])
    assert labeled(processor, batch, 0) == "Many colors.<|im_end|>"
    assert labeled(processor, batch, 1) == "A picture.<|im_end|>Many colors.<|im_end|>"


@pytest.mark.parametrize("sample", [{"prompt": "Hello", "completion": "Hi"}, {"prompt": []}])
def test_halves_of_a_chat_have_to_be_chats(processor, sample):
    with pytest.raises(ValueError, match="a chat in two halves"):
        FilaVideoCollator(processor)([sample])


def test_a_caption_has_no_answer_in_its_prompt(processor):
    turn = [{"role": "assistant", "content": "A dog."}]
    with pytest.raises(ValueError, match="sample a has an answer in its prompt"):
        FilaVideoCollator(processor, template="caption")([{"id": "a", "prompt": turn, "completion": turn}])


BROKEN = {
    "a file that is no video": {"video": "broken.mp4"},
    "a missing video": {"video": "none.mp4"},
    "an empty picture": {"image": "empty.png"},
    "a missing picture": {"image": "none.png"},
}


def broken_row(media, name: str, files: dict) -> dict:
    kind = next(iter(files))
    return row(media, name, f"<{kind}>\nWhat?", "That.", **files)


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN)
def test_unreadable_media_name_sample_and_file(processor, media, files):
    with pytest.raises(UnreadableSampleError, match=rf"file: sample x: .*{next(iter(files.values()))} cannot be read"):
        FilaVideoCollator(processor)([broken_row(media, "x", files)])


@pytest.mark.parametrize("files", BROKEN.values(), ids=BROKEN)
def test_a_stage_goes_on_without_them_and_reports_each(processor, media, files):
    good = row(media, "good", "<video>\nWhat happens?", "It moves.", video="0.mp4")
    batch = SkippingCollator(processor)([good, broken_row(media, "x", files)])
    expected = SkippingCollator(processor)([good])
    assert torch.equal(batch["input_ids"], expected["input_ids"])
    assert batch["modality"] == "video" and batch["num_frames"] == 4
    (skipped,) = batch["skipped"]
    assert (skipped["id"], skipped["source"], skipped["kind"]) == ("x", "file", "unreadable")
    assert next(iter(files.values())) in skipped["cause"]


def test_a_batch_of_nothing_costs_nothing(processor, checkpoint, media):
    batch = SkippingCollator(processor)([broken_row(media, "x", {"video": "broken.mp4"})])
    assert len(batch["skipped"]) == 1 and (batch["labels"] == -100).all()
    model = FilaVideoForConditionalGeneration.from_pretrained(checkpoint)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "labels")}
    assert model(**inputs, num_items_in_batch=1).loss.item() == 0


def test_too_long_is_an_error_by_name(processor, media):
    short, long = row(media, "short", "Hello", "Hi."), row(media, "long", "Hello " * 200, "Hi.")
    collate = FilaVideoCollator(processor, max_length=100)
    assert len(collate([short])["input_ids"]) == 1
    with pytest.raises(TooLongError, match=r"sample long has \d{3,} tokens; the limit is max_length=100"):
        collate([short, long])


def test_errors_of_workers_keep_their_kind(processor, media):
    samples = [row(media, "long", "Hello " * 200, "Hi.")]
    loader = torch.utils.data.DataLoader(
        samples, collate_fn=FilaVideoCollator(processor, max_length=100), num_workers=1
    )
    with pytest.raises(TooLongError, match=r"sample long has \d{3,} tokens"):
        next(iter(loader))


def test_too_long_is_dropped_when_asked_for_and_never_cut(processor, media):
    samples = [
        row(media, "short", "Hello", "Hi."),
        row(media, "long", "<video>\nWhat happens?", "It moves.", video="3.mp4"),
    ]
    with pytest.raises(TooLongError):
        SkippingCollator(processor, max_length=60)(samples)
    batch = SkippingCollator(processor, max_length=60, too_long="drop")(samples)
    assert [sample["id"] for sample in batch["skipped"]] == ["long"]
    assert batch["skipped"][0]["kind"] == "too_long"
    assert len(batch["input_ids"]) == 1 and "pixel_values_videos" not in batch
    assert batch["modality"] == "text"


def test_a_wrong_argument_is_not_taken_for_an_unreadable_file(processor, media):
    sample = row(media, "v", "<video>\nWhat happens?", "It moves.", video="0.mp4")
    with pytest.raises(ValueError, match="num_frames"):
        SkippingCollator(processor, rates=FrameRates(num_frames=0))([sample])

"""
Times of the scenes, `timestamps="selected"` and `"interleaved"`, processor and model together: the prompt carries
them, in one pass.
"""

import re

import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from fila_video.conversion import write_scratch_checkpoint
from fila_video.mini.untrained import write_untrained
from tests.clips import draw_clip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("selected")
    write_scratch_checkpoint("tiny", folder / "tiny")
    model = AutoModelForImageTextToText.from_pretrained(folder / "tiny").eval()
    draw_clip(folder / "short.mp4", seconds=3, fps=10)
    draw_clip(folder / "long.mp4", seconds=12, fps=10)
    return model, AutoProcessor.from_pretrained(folder / "tiny"), folder


def question(*videos, text="What happens?"):
    return [
        {
            "role": "user",
            "content": [*({"type": "video", "path": str(v)} for v in videos), {"type": "text", "text": text}],
        }
    ]


def prepare(processor, conversations, **options):
    return processor.apply_chat_template(
        conversations,
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, "timestamps": "selected", "num_frames": 40, **options},
    )


def filled_text(model, processor, inputs, row):
    """The prompt as the language model reads it, by the embeddings it is given, without the visual tokens."""
    seen = {}
    hook = model.model.language_model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.update(kwargs), with_kwargs=True
    )
    with torch.no_grad():
        model(**inputs)
    hook.remove()
    table = model.get_input_embeddings().weight
    distances, ids = torch.cdist(seen["inputs_embeds"][row], table, compute_mode="donot_use_mm_for_euclid_dist").min(-1)
    return processor.decode(ids[distances == 0])


def test_the_language_model_reads_the_times_of_the_scenes(loaded):
    model, processor, folder = loaded
    inputs = prepare(
        processor,
        [question(folder / "long.mp4"), question(folder / "short.mp4", folder / "long.mp4", text="And here?")],
        return_metadata=True,
    )
    metadata = inputs.pop("video_metadata")
    features = model.get_video_features(inputs["pixel_values_videos"], video_frame_mask=inputs["video_frame_mask"])
    scenes = processor.post_process_scenes(features, metadata)
    sentences = [
        sentence
        for row in range(2)
        for sentence in re.findall(r"This video samples .*? seconds\.", filled_text(model, processor, inputs, row))
    ]
    widths = [4, 3, 4]  # of 12.0, 3.0 and 12.0
    assert len(sentences) == 3
    for sentence, video, width in zip(sentences, scenes, widths, strict=True):
        times = [f"{scene['representative_seconds']:0{width}.1f}" for scene in video]
        assert sentence.endswith(f"-second video at {', '.join(times)} seconds.")
        assert sentence.startswith(f"This video samples {len(video)} frames of a ")


@pytest.mark.parametrize("newline_position", ["one_token", "grid", "frame", "no_token"])
def test_each_time_stands_before_its_scene(loaded, newline_position, monkeypatch):
    model, processor, folder = loaded
    monkeypatch.setattr(processor, "newline_position", newline_position)
    monkeypatch.setattr(model.config, "newline_position", newline_position)
    conversations = [
        question(folder / "long.mp4"),
        question(folder / "short.mp4", folder / "long.mp4", text="And here?"),
    ]
    inputs = prepare(processor, conversations, timestamps="interleaved", return_metadata=True)
    metadata = inputs.pop("video_metadata")
    features = model.get_video_features(inputs["pixel_values_videos"], video_frame_mask=inputs["video_frame_mask"])
    scenes = processor.post_process_scenes(features, metadata)
    prompts = [processor.decode(ids) for ids in inputs["input_ids"]]
    in_prompt = re.findall(r"video\.\n((?:<(?:<video>)+ seconds>(?:<video>)+)+)\n", "".join(prompts))
    filled = "".join(filled_text(model, processor, inputs, row) for row in range(2))
    written = re.findall(r"<([\d.]+) seconds>", filled)
    assert written == [
        f"{scene['representative_seconds']:0{width}.1f}"
        for video, width in zip(scenes, [4, 3, 4], strict=True)  # of 12.0, 3.0 and 12.0
        for scene in video
    ]
    side = processor.patches_per_side // 2 + processor.patches_per_side % 2
    of_scene = {"grid": side * (side + 1), "frame": side * side + 1}.get(newline_position, side * side)
    assert len(in_prompt) == 3
    for video, tokens in zip(scenes, in_prompt, strict=True):
        counts = [len(run) // len("<video>") for run in re.findall(r" seconds>((?:<video>)+)", tokens)]
        assert counts == [of_scene] * (len(video) - 1) + [of_scene + (newline_position == "one_token")]


def test_times_are_read_as_they_are_where_whole_numbers_have_tokens(loaded, tmp_path):
    """Two tokens each in 12 seconds. In 120 some have more: four each, with zeros. In one batch."""
    folder = loaded[-1]
    draw_clip(folder / "longest.mp4", seconds=120, fps=1)
    write_untrained(tmp_path / "mini", seed=0)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "mini").eval()
    processor = AutoProcessor.from_pretrained(tmp_path / "mini")
    conversations = [question(folder / "long.mp4"), question(folder / "longest.mp4")]
    inputs = prepare(processor, conversations, timestamps="interleaved", return_metadata=True)
    metadata = inputs.pop("video_metadata")
    features = model.get_video_features(inputs["pixel_values_videos"], video_frame_mask=inputs["video_frame_mask"])
    for row, (video, width) in enumerate(zip(processor.post_process_scenes(features, metadata), [3, 5], strict=True)):
        written = re.findall(r"<([\d.]+) seconds>", filled_text(model, processor, inputs, row))
        assert written == [f"{scene['representative_seconds']:0{width}.1f}" for scene in video]
        assert {len(processor.tokenizer.tokenize(time)) for time in written} == {2 if width == 3 else 4}


def test_each_token_of_a_time_has_a_placeholder(loaded):
    _, processor, folder = loaded
    inputs = prepare(processor, question(folder / "short.mp4"))
    ids, token = inputs["input_ids"][0], processor.video_token
    text = processor.decode(ids)
    times = ", ".join([3 * token] * 30)  # of three tokens each, such as 0.0
    assert f"{token}\nThis video samples 30 frames of a 3.0-second video at {times} seconds.\nWhat" in text
    assert (ids == processor.video_token_id).sum() == processor.num_video_tokens(30) + 30 * 3
    assert inputs["frame_time_ids"].shape == (1, 30, 3) and inputs["times_are_interleaved"].tolist() == [False]


def test_the_answer_is_the_same_for_each_way_of_asking(loaded):
    model, processor, folder = loaded
    conversations = [question(folder / "long.mp4"), question(folder / "short.mp4", text="Why?")]
    batch = prepare(processor, conversations)
    length = batch["input_ids"].shape[1]
    together = model.generate(**batch, max_new_tokens=8)[:, length:]
    assert torch.equal(model.generate(**batch, max_new_tokens=8, use_cache=False)[:, length:], together)
    for row, conversation in enumerate(conversations):
        alone = prepare(processor, conversation)
        answer = model.generate(**alone, max_new_tokens=8)[0, alone["input_ids"].shape[1] :]
        assert torch.equal(together[row], answer)
    videos = {name: batch.pop(name) for name in processor.video_processor.model_input_names}
    features = model.get_video_features(**videos)
    encoded = model.generate(**batch, mm_encoder_outputs={"video": features}, max_new_tokens=8)
    assert torch.equal(encoded[:, length:], together)
    # A video that was encoded without its times, as when nobody knew how it would be asked about.
    times = {name: videos[name] for name in ("frame_time_ids", "times_are_interleaved")}
    bare = model.get_video_features(videos["pixel_values_videos"], video_frame_mask=videos["video_frame_mask"])
    later = model.generate(**batch, mm_encoder_outputs={"video": bare}, **times, max_new_tokens=8)
    assert torch.equal(later[:, length:], together)
    beams = model.generate(**batch, mm_encoder_outputs={"video": features}, max_new_tokens=8, num_beams=2)
    assert torch.equal(model.generate(**batch, **videos, max_new_tokens=8, num_beams=2), beams)


def test_the_times_change_the_answer(loaded):
    """Otherwise nothing here would be tested."""
    model, processor, folder = loaded
    inputs = prepare(processor, question(folder / "long.mp4"))
    with torch.no_grad():
        logits = model(**inputs).logits
        inputs["frame_time_ids"] = inputs["frame_time_ids"].flip(1)
        assert not torch.allclose(model(**inputs).logits, logits)


def test_missing_times_are_refused_with_both_counts(loaded):
    model, processor, folder = loaded
    inputs = prepare(processor, question(folder / "short.mp4"))
    inputs.pop("frame_time_ids")
    with pytest.raises(ValueError, match="frame_time_ids and times_are_interleaved together"):
        model(**inputs)
    inputs.pop("times_are_interleaved")
    visual = processor.num_video_tokens(30)
    with pytest.raises(
        ValueError, match=rf"hold {visual + 90} video placeholder tokens, but the videos give {visual} "
    ):
        model(**inputs)


def test_times_of_other_videos_are_refused(loaded):
    model, processor, folder = loaded
    inputs = prepare(processor, question(folder / "short.mp4"))
    inputs["frame_time_ids"] = inputs["frame_time_ids"][:, :5]
    with pytest.raises(ValueError, match=r"frame_time_ids of shape \(1, 5, 3\) do not fit"):
        model(**inputs)


def test_gradients_flow_as_with_any_prompt(loaded):
    model, processor, folder = loaded
    inputs = prepare(processor, question(folder / "short.mp4"))
    model(**inputs, labels=inputs["input_ids"]).loss.backward()
    assert model.get_input_embeddings().weight.grad.any()
    model.zero_grad()


def test_features_made_for_one_kind_of_times_are_refused_for_another(loaded):
    """Both prompts have the same number of placeholders."""
    model, processor, folder = loaded
    interleaved = prepare(processor, question(folder / "long.mp4"), timestamps="interleaved")
    names = processor.video_processor.model_input_names
    features = model.get_video_features(**{name: interleaved.pop(name) for name in names})
    selected = prepare(processor, question(folder / "long.mp4"))
    selected = {name: value for name, value in selected.items() if not name.startswith(("pixel", "video"))}
    with pytest.raises(ValueError, match="made with other times"):
        model.generate(**selected, mm_encoder_outputs={"video": features}, max_new_tokens=1)

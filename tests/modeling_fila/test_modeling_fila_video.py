"""The whole model: the paper's equations end to end, and the abilities of any model of transformers."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from accelerate import cpu_offload, disk_offload
from transformers import AutoModelForImageTextToText

from modeling_fila import FilaVideoForConditionalGeneration
from tests.modeling_fila.questions import AFTER, BEFORE, model_inputs, num_tokens
from tests.models import VIDEO_TOKEN_ID, VOCABULARY, left_padded, prompt, random_videos, small_model
from tests.oracles import scene_merging as merging_oracle
from tests.oracles import scene_selection as selection_oracle
from tests.oracles import visual_tokens as tokens_oracle


@pytest.fixture(scope="module")
def model():
    return small_model()


# Equations 1 to 8


def oracle_scenes(points, config):
    """Scenes (S, K) by equations 2 to 6, with the same first centers as the model."""
    num_frames, num_scenes = len(points), min(len(points), config.num_scenes)
    if num_frames <= config.num_scenes or config.scene_merging == "none":
        return [[frame] * config.scene_size for frame in range(num_frames)]
    if config.scene_selection == "uniform":
        return selection_oracle.uniform(num_frames, num_scenes, config.scene_size)[0]
    generator = torch.Generator().manual_seed(config.kmeans_seed)
    first = torch.randperm(num_frames, generator=generator)[:num_scenes].tolist()
    assignment = selection_oracle.kmeans(points, first, tolerance=config.kmeans_tolerance)
    chosen = selection_oracle.representatives(points, assignment, num_scenes)
    return selection_oracle.supplemented(points, chosen, config.scene_size, config.scene_supplement)


def oracle_visual_tokens(model, features, features_for_selection):
    """The scenes and visual tokens of one video in NumPy, from patch features (N, P, D) of the last and of a layer."""
    config, weights = model.config, {name: value.double().numpy() for name, value in model.model.state_dict().items()}
    scenes = oracle_scenes(selection_oracle.frame_representations(features_for_selection), config)
    frames = features[np.array(scenes)]  # (S, K, P, D)
    if config.scene_merging == "weighted":
        merged = merging_oracle.weighted(frames, weights["scene_merging.weight"])
    else:
        merged = merging_oracle.average(frames)
    layers = [
        (weights[f"multi_modal_projector.{name}.weight"], weights[f"multi_modal_projector.{name}.bias"])
        for name in ("linear_1", "linear_2")
    ]
    maps = tokens_oracle.pool(
        tokens_oracle.project(merged, *layers), config.spatial_pool_mode, config.spatial_pool_stride
    )
    return scenes, tokens_oracle.lay_out(maps, weights["image_newline"], config.newline_position)


@pytest.mark.parametrize("num_frames", [1, 3, 4, 5, 24])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kmeans_seed": 3, "scene_supplement": "dissimilar", "scene_size": 4},
        {"scene_selection": "uniform", "scene_merging": "average", "newline_position": "grid"},
        {"scene_selection": "uniform", "scene_merging": "none", "newline_position": "frame"},
        {"spatial_pool_mode": "average", "newline_position": "no_token"},
        {"spatial_pool_mode": "max", "scene_size": 1},
        {"selection_layer": 0},
        {"selection_layer": 1, "kmeans_seed": 3},
        {"selection_layer": 2, "scene_supplement": "dissimilar", "scene_size": 4},
        {"selection_layer": 3},
    ],
    ids=str,
)
@torch.no_grad()
def test_video_features_equal_the_papers_equations(num_frames, options):
    model = small_model(**options)
    pixels, mask = random_videos(num_frames)
    tower_states = model.model.vision_tower(pixels[0], output_hidden_states=True).hidden_states
    states = [tower_states[-1 if layer is None else layer] for layer in (None, options.get("selection_layer"))]
    scenes, expected = oracle_visual_tokens(model, *(state.double().numpy() for state in states))

    features = model.get_video_features(pixel_values_videos=pixels, video_frame_mask=mask)
    assert features.scene_frame_indices[0].tolist() == scenes
    torch.testing.assert_close(features.pooler_output[0].double(), torch.from_numpy(expected), rtol=0, atol=1e-5)


@torch.no_grad()
def test_videos_of_unequal_length_are_encoded_as_if_alone(model):
    pixels, mask = random_videos(9, 2, 30)
    together = model.get_video_features(pixel_values_videos=pixels, video_frame_mask=mask)
    for index, count in enumerate([9, 2, 30]):
        alone = model.get_video_features(pixel_values_videos=pixels[index : index + 1, :count])
        torch.testing.assert_close(together.pooler_output[index], alone.pooler_output[0])
        num_scenes = min(count, 4)
        assert torch.equal(together.scene_frame_indices[index, :num_scenes], alone.scene_frame_indices[0])
        assert (together.scene_frame_indices[index, num_scenes:] == -1).all()
        assert (together.scene_representatives[index, num_scenes:] == -1).all()


@torch.no_grad()
def test_the_padding_of_a_video_is_never_read(model):
    pixels, mask = random_videos(5, 3)
    noisy = pixels.clone()
    noisy[1, 3:] = float("nan")
    features = [model.get_video_features(pixel_values_videos=p, video_frame_mask=mask) for p in (pixels, noisy)]
    assert torch.equal(features[0].pooler_output[1], features[1].pooler_output[1])


@torch.no_grad()
def test_chunks_bound_memory_and_change_nothing(model):
    pixels, _ = random_videos(11)
    whole = model.get_video_features(pixel_values_videos=pixels, frames_per_chunk=11)
    for frames_per_chunk in (1, 4):
        chunked = model.get_video_features(pixel_values_videos=pixels, frames_per_chunk=frames_per_chunk)
        torch.testing.assert_close(chunked.pooler_output, whole.pooler_output)


@contextmanager
def chunks_of(model):
    """A list that grows by the number of frames of each chunk that goes through the tower."""
    chunks = []
    hook = model.model.vision_tower.embeddings.register_forward_pre_hook(
        lambda module, args: chunks.append(len(args[0]))
    )
    yield chunks
    hook.remove()


@torch.no_grad()
def test_videos_that_fit_into_a_chunk_are_encoded_together(model):
    pixels, mask = random_videos(9, 6, 9, 9, 6)
    apart = model.get_video_features(pixels, mask, frames_per_chunk=4)
    with chunks_of(model) as chunks:
        together = model.get_video_features(pixels, mask, frames_per_chunk=18)
    assert chunks == [18, 9, 12]
    torch.testing.assert_close(together.pooler_output, apart.pooler_output)
    assert torch.equal(together.scene_frame_indices, apart.scene_frame_indices)
    assert torch.equal(together.scene_representatives, apart.scene_representatives)


@pytest.mark.parametrize("position", ["one_token", "grid"])
@pytest.mark.parametrize("merging", ["weighted", "attention", "none"])
def test_gradients_of_videos_together_are_those_of_each(merging, position):
    base = {"scene_size": 1, "scene_selection": "uniform"} if merging == "none" else {}
    model = small_model(scene_merging=merging, newline_position=position, **base).model
    pixels, mask = random_videos(9, 6, 9)

    def gradients(chunk: int) -> list[torch.Tensor]:
        model.zero_grad()
        tokens = model.get_video_features(pixels, mask, frames_per_chunk=chunk).pooler_output
        sum((place + 1) * video.square().sum() for place, video in enumerate(tokens)).backward()
        return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]

    alone, together = gradients(4), gradients(24)
    assert len(alone) == len(together) > 10
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_chunks_may_be_chosen_in_every_call(model):
    inputs = model_inputs(9)
    with chunks_of(model) as chunks:
        with torch.no_grad():
            model(**inputs, frames_per_chunk=4)
        generate(model, **inputs, frames_per_chunk=4)
        generate(model, **inputs, frames_per_chunk=4, num_beams=2)
    assert chunks == [4, 4, 1] * 3
    with pytest.raises(ValueError, match="frames_per_chunk=0"):
        model(**inputs, frames_per_chunk=0)


@torch.no_grad()
def test_a_default_device_does_not_move_the_clustering(model):
    """`torch.set_default_device("cuda")` in a notebook must not break the generator, which is on the CPU."""
    pixels, _ = random_videos(12)
    expected = model.get_video_features(pixels).scene_frame_indices
    with torch.device("meta"):
        assert torch.equal(model.get_video_features(pixels).scene_frame_indices, expected)


@torch.no_grad()
def test_the_same_video_gives_the_same_scenes_and_leaves_the_global_generator_alone(model):
    pixels, _ = random_videos(40)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = model.get_video_features(pixel_values_videos=pixels)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    second = model.get_video_features(pixel_values_videos=pixels)
    assert torch.equal(first.scene_frame_indices, second.scene_frame_indices)
    assert torch.equal(first.pooler_output[0], second.pooler_output[0])


# From prompt to answer


@torch.no_grad()
def test_visual_tokens_take_the_place_of_the_placeholders(model):
    inputs = model_inputs(9, 2)
    outputs = model(**inputs)

    features = model.get_video_features(inputs["pixel_values_videos"], video_frame_mask=inputs["video_frame_mask"])
    embeds = model.get_input_embeddings()(inputs["input_ids"]).clone()
    embeds[inputs["input_ids"] == VIDEO_TOKEN_ID] = torch.cat(features.pooler_output)
    expected = model.lm_head(
        model.model.language_model(inputs_embeds=embeds, attention_mask=inputs["attention_mask"]).last_hidden_state
    )
    torch.testing.assert_close(outputs.logits, expected)
    assert torch.equal(outputs.scene_frame_indices, features.scene_frame_indices)
    assert torch.equal(outputs.scene_representatives, features.scene_representatives)


def generate(model, **inputs):
    return model.generate(**{"max_new_tokens": 12, "do_sample": False, **inputs})


def test_batched_answers_equal_single_ones(model):
    """Left padding, with videos and questions of unequal length."""
    counts, questions = [9, 2, 30, 1], [AFTER, AFTER[:1], AFTER[:2], AFTER[:3]]
    batch = model_inputs(*counts, questions=questions)
    together = generate(model, **batch)[:, batch["input_ids"].shape[1] :]
    for index, (count, question) in enumerate(zip(counts, questions, strict=True)):
        alone = {
            "input_ids": torch.tensor([prompt(BEFORE, num_tokens(count), question)]),
            "pixel_values_videos": batch["pixel_values_videos"][index : index + 1, :count],
        }
        answer = generate(model, **alone)[:, alone["input_ids"].shape[1] :]
        assert torch.equal(together[index], answer[0])
    assert len({tuple(answer) for answer in together.tolist()}) > 1, "the answers must depend on the videos"


def test_the_answer_depends_on_the_video(model):
    inputs = model_inputs(9)
    other = {**inputs, "pixel_values_videos": random_videos(9, seed=1)[0]}
    assert not torch.allclose(model(**inputs).logits, model(**other).logits, atol=1e-2)


def test_a_video_encoded_once_can_be_asked_many_times(model):
    inputs = model_inputs(9)
    pixels, mask = inputs.pop("pixel_values_videos"), inputs.pop("video_frame_mask")
    features = model.get_video_features(pixels, video_frame_mask=mask)
    before = [tokens.clone() for tokens in features.pooler_output]
    for options in ({}, {"num_beams": 3}, {"num_beams": 2, "num_return_sequences": 2}, {"use_cache": False}):
        expected = generate(model, **inputs, pixel_values_videos=pixels, video_frame_mask=mask, **options)
        answer = generate(model, **inputs, mm_encoder_outputs={"video": features}, **options)
        assert torch.equal(answer, expected)
    assert len(features.pooler_output) == len(before)
    assert all(torch.equal(now, then) for now, then in zip(features.pooler_output, before, strict=True))


def test_beams_keep_the_videos_of_each_prompt_together(model):
    """One prompt has two videos, the other has one. Repeating videos one by one would mix them up."""
    pixels, mask = random_videos(9, 2, 5)
    first = prompt(BEFORE, num_tokens(9), AFTER[:1], num_tokens(2), AFTER)
    second = prompt(BEFORE, num_tokens(5), AFTER[:2])
    batch = left_padded(first, second)
    together = generate(model, **batch, pixel_values_videos=pixels, video_frame_mask=mask, num_beams=3)
    answers = together[:, batch["input_ids"].shape[1] :]
    for row, (ids, videos) in enumerate([(first, slice(0, 2)), (second, slice(2, 3))]):
        inputs = {
            "input_ids": torch.tensor([ids]),
            "pixel_values_videos": pixels[videos],
            "video_frame_mask": mask[videos],
        }
        assert torch.equal(answers[row], generate(model, **inputs, num_beams=3)[0, len(ids) :])


def test_a_question_may_be_given_as_embeddings(model):
    inputs = model_inputs(9, 2)
    by_ids = generate(model, **inputs)[:, inputs["input_ids"].shape[1] :]
    embeds = model.get_input_embeddings()(inputs.pop("input_ids"))
    assert torch.equal(generate(model, **inputs, inputs_embeds=embeds), by_ids)


@torch.no_grad()
def test_only_the_logits_asked_for_are_computed(model):
    inputs = model_inputs(5)
    whole = model(**inputs).logits
    torch.testing.assert_close(model(**inputs, logits_to_keep=2).logits, whole[:, -2:])
    torch.testing.assert_close(model(**inputs, logits_to_keep=torch.tensor([0, 3])).logits, whole[:, [0, 3]])


def test_generation_scores_one_position_of_the_prompt(model):
    """The logits of a whole prompt would be the largest tensor of all."""
    positions = []
    hook = model.lm_head.register_forward_hook(lambda module, args, out: positions.append(out.shape[1]))
    generate(model, **model_inputs(9))
    hook.remove()
    assert set(positions) == {1}


def test_placeholders_are_never_generated(model):
    answers = generate(model, **model_inputs(9), do_sample=True, top_k=0, max_new_tokens=64, temperature=5.0)
    new = answers[:, model_inputs(9)["input_ids"].shape[1] :]
    assert not (new == VIDEO_TOKEN_ID).any()


# As a model of transformers


@torch.no_grad()
def test_eager_and_sdpa_attention_agree(tmp_path):
    small_model().save_pretrained(tmp_path)
    logits = [
        FilaVideoForConditionalGeneration.from_pretrained(tmp_path, attn_implementation=implementation)(
            **model_inputs(9, 2)
        ).logits
        for implementation in ("eager", "sdpa")
    ]
    mask = model_inputs(9, 2)["attention_mask"].bool()
    torch.testing.assert_close(logits[0][mask], logits[1][mask], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.no_grad()
def test_half_precision_is_finite(tmp_path, dtype):
    small_model().save_pretrained(tmp_path)
    model = FilaVideoForConditionalGeneration.from_pretrained(tmp_path, dtype=dtype)
    logits = model(**model_inputs(9)).logits
    assert logits.dtype == dtype and logits.isfinite().all()


def test_saved_and_loaded_it_answers_the_same(tmp_path):
    model = small_model(scene_merging="attention")
    model.save_pretrained(tmp_path)
    loaded, report = AutoModelForImageTextToText.from_pretrained(tmp_path, output_loading_info=True)
    assert isinstance(loaded, FilaVideoForConditionalGeneration)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert torch.equal(loaded(**model_inputs(9)).logits, model(**model_inputs(9)).logits)


def test_the_names_of_the_weights_are_those_of_the_design(model):
    prefixes = {".".join(name.split(".")[:2]) for name in model.state_dict()}
    assert prefixes == {
        "model.vision_tower",
        "model.scene_merging",
        "model.multi_modal_projector",
        "model.image_newline",
        "model.language_model",
        "lm_head.weight",
    }


@pytest.mark.parametrize("scene_merging", ["weighted", "attention"])
def test_weights_that_a_checkpoint_lacks_are_initialized(tmp_path, scene_merging):
    """Checkpoints from before stage 4 have no merging weights. Merging then starts as a mean."""
    base = small_model(scene_merging="average")
    base.save_pretrained(tmp_path)
    model = FilaVideoForConditionalGeneration.from_pretrained(tmp_path, scene_merging=scene_merging)
    for name, weight in model.model.scene_merging.named_parameters():
        assert weight.isfinite().all() and weight.abs().sum() > 0, name
    if scene_merging == "weighted":
        assert torch.equal(model.model.scene_merging.weight, torch.full((3, 9, 32), 1 / 3))


def test_tied_weights_stay_tied(tmp_path):
    model = small_model(tie_word_embeddings=True)
    model.save_pretrained(tmp_path)
    loaded = FilaVideoForConditionalGeneration.from_pretrained(tmp_path)
    assert loaded.lm_head.weight is loaded.model.language_model.embed_tokens.weight


def test_embeddings_can_be_resized(model):
    model = small_model()
    model.resize_token_embeddings(VOCABULARY + 20)
    assert model.lm_head.out_features == model.config.text_config.vocab_size == VOCABULARY + 20
    assert model(**model_inputs(5)).logits.shape[-1] == VOCABULARY + 20


def loss(model):
    inputs = model_inputs(9, 2)
    labels = inputs["input_ids"].masked_fill(inputs["input_ids"] == VIDEO_TOKEN_ID, -100)
    return model(**inputs, labels=labels).loss


def test_every_weight_that_is_used_gets_a_gradient():
    model = small_model()
    loss(model).backward()
    without = {name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()}
    # SigLIP's final norm is stored, but the projector reads the features before it.
    assert without == {"model.vision_tower.post_layernorm.weight", "model.vision_tower.post_layernorm.bias"}


def test_gradient_checkpointing_gives_the_same_gradients():
    plain, checkpointed = small_model().train(), small_model().train()
    checkpointed.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for model in (plain, checkpointed):
        loss(model).backward()
    for (name, weight), other in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        if weight.grad is not None:
            torch.testing.assert_close(weight.grad, other.grad, msg=name)


def test_a_frozen_tower_still_trains_what_follows():
    model = small_model().train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.model.vision_tower.requires_grad_(False)
    loss(model).backward()
    assert model.model.scene_merging.weight.grad.any()
    assert model.model.multi_modal_projector.linear_1.weight.grad.any()


@torch.no_grad()
def test_layers_may_be_on_different_devices(tmp_path):
    """`device_map` with a part on disk, as `"auto"` chooses it if memory is short."""
    model = small_model()
    model.save_pretrained(tmp_path / "model")
    device_map = {
        "model.vision_tower": "disk",
        "model.scene_merging": "cpu",
        "model.multi_modal_projector": "disk",
        "model.image_newline": "cpu",
        "model.language_model": "disk",
        "lm_head": "cpu",
    }
    offloaded = FilaVideoForConditionalGeneration.from_pretrained(
        tmp_path / "model", device_map=device_map, offload_folder=tmp_path / "offload"
    )
    torch.testing.assert_close(offloaded(**model_inputs(9, 2)).logits, model(**model_inputs(9, 2)).logits)
    assert torch.equal(generate(offloaded, **model_inputs(9)), generate(model, **model_inputs(9)))


@pytest.mark.parametrize(
    "offload",
    [lambda model, folder, device: cpu_offload(model, device), disk_offload],
    ids=["cpu", "disk"],
)
@torch.no_grad()
def test_an_offloaded_model_encodes_videos_and_images(model, offload, tmp_path):
    """`get_video_features` and `get_image_features` are not `forward`, for which accelerate brings the weights back."""
    inputs = model_inputs(9, 2)
    videos = {name: inputs[name] for name in ("pixel_values_videos", "video_frame_mask")}
    images = {"pixel_values": torch.randn(1, 3, 3, 42, 42), "image_sizes": torch.tensor([[42, 84]])}
    wanted = [*model.get_video_features(**videos).pooler_output, *model.get_image_features(**images).pooler_output]
    offloaded = small_model()
    offload(offloaded, tmp_path, torch.device("cpu"))
    assert offloaded.model.image_newline.is_meta
    found = offloaded.get_video_features(**videos).pooler_output + offloaded.get_image_features(**images).pooler_output
    assert offloaded.model.image_newline.is_meta
    assert [torch.equal(*tokens) for tokens in zip(found, wanted, strict=True)] == [True] * 3
    assert torch.equal(generate(offloaded, **inputs), generate(model, **inputs))


def test_layers_are_never_split_over_devices(model):
    kept_whole = model._no_split_modules
    assert {"SiglipEncoderLayer", "Qwen2DecoderLayer", "WeightedSceneMerging"} <= set(kept_whole)

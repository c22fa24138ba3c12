"""What a user expects of any model of transformers: ways to load it, to generate with it and to fine-tune it."""

import copy

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn.functional import log_softmax
from transformers import StaticCache, Trainer, TrainingArguments

from modeling_fila import FilaVideoForConditionalGeneration
from modeling_fila.modeling_compat import CACHE_NAME
from tests.models import (
    IMAGE_TOKEN_ID,
    TEXT,
    VIDEO_TOKEN_ID,
    VOCABULARY,
    left_padded,
    prompt,
    random_videos,
    small_model,
)


NUM_FRAMES, NUM_TOKENS = 9, 17  # 4 scenes of 2 x 2 tokens, and one newline
QUESTION, NEXT_QUESTION = [5, 6, 7, 8], [20, 21, 22]
SMALLER_TEXT = {**TEXT, "hidden_size": 24, "num_hidden_layers": 1}


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    return folder


def question(ids=QUESTION, seed=0):
    """One prompt about one video."""
    pixels, _ = random_videos(NUM_FRAMES, seed=seed)
    return {**left_padded(prompt([3, 4], NUM_TOKENS, ids)), "pixel_values_videos": pixels}


def text_of(inputs):
    return {name: inputs[name] for name in ("input_ids", "attention_mask")}


def generate(model, inputs, **options):
    """The new tokens."""
    answer = model.generate(**inputs, **{"max_new_tokens": 12, "do_sample": False, **options})
    return answer[:, inputs["input_ids"].shape[1] :]


def passes_of(model):
    """A list that grows by the inputs of every pass through the model."""
    passes = []
    model.model.register_forward_pre_hook(lambda _, args, inputs: passes.append(inputs), with_kwargs=True)
    return passes


def has_video(inputs):
    features = (inputs.get("mm_encoder_outputs") or {}).get("video")
    return inputs.get("pixel_values_videos") is not None or features is not None


# Loading


@pytest.mark.parametrize(("share", "tower"), [(0.3, "disk"), (0.6, "cpu")])
@torch.no_grad()
def test_device_map_auto_puts_on_disk_what_exceeds_the_memory(model, saved, tmp_path, share, tower):
    limit = int(share * sum(weight.nbytes for weight in model.parameters()))
    offloaded = FilaVideoForConditionalGeneration.from_pretrained(
        saved, device_map="auto", max_memory={"cpu": limit}, offload_folder=tmp_path
    )
    assert set(offloaded.hf_device_map.values()) == {"cpu", "disk"}
    assert offloaded.hf_device_map["model.vision_tower"] == tower
    torch.testing.assert_close(offloaded(**question()).logits, model(**question()).logits)
    assert torch.equal(generate(offloaded, question()), generate(model, question()))


# Rounding to 24, 11 and 8 significant bits, accumulated over a few layers.
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.float16, 0.005), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize("option", ["dtype", "torch_dtype"])
@torch.no_grad()
def test_every_precision_gives_the_same_finite_logits(model, saved, option, dtype, error):
    loaded = FilaVideoForConditionalGeneration.from_pretrained(saved, **{option: dtype})
    assert {weight.dtype for weight in loaded.parameters()} == {dtype}
    logits, expected = loaded(**question()).logits, model(**question()).logits
    assert logits.dtype == dtype and logits.isfinite().all()
    assert (logits.float() - expected).norm() < error * expected.norm()
    assert generate(loaded, question()).shape == (1, 12)


def test_a_checkpoint_is_loaded_in_its_own_precision(saved, tmp_path):
    half = FilaVideoForConditionalGeneration.from_pretrained(saved, dtype=torch.bfloat16)
    half.save_pretrained(tmp_path)
    assert FilaVideoForConditionalGeneration.from_pretrained(tmp_path, dtype="auto").dtype == torch.bfloat16


# Inputs


@torch.no_grad()
def test_embeddings_are_as_good_as_ids(model):
    """The embeddings may hold embedded placeholders, or visual tokens in their place."""
    inputs = question()
    expected = model(**inputs).logits
    ids, pixels = inputs.pop("input_ids"), inputs.pop("pixel_values_videos")
    embeds = model.get_input_embeddings()(ids)
    torch.testing.assert_close(model(**inputs, inputs_embeds=embeds, pixel_values_videos=pixels).logits, expected)

    visual_tokens = model.get_video_features(pixels).pooler_output[0]
    embeds[ids == VIDEO_TOKEN_ID] = visual_tokens
    torch.testing.assert_close(model(**inputs, inputs_embeds=embeds).logits, expected)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@torch.no_grad()
def test_padding_on_either_side_changes_no_logits(saved, attention):
    """Left padding as in generation and right padding as in training, each compared with the prompt alone."""
    model = FilaVideoForConditionalGeneration.from_pretrained(saved, attn_implementation=attention)
    prompts = [prompt([3, 4], NUM_TOKENS, ids) for ids in (QUESTION, QUESTION[:1] + [30] * 9)]
    pixels, _ = random_videos(NUM_FRAMES, NUM_FRAMES)
    left = left_padded(*prompts)
    shifts = (left["attention_mask"] == 0).sum(1).tolist()
    right = {
        name: torch.stack([row.roll(-shift) for row, shift in zip(rows, shifts, strict=True)])
        for name, rows in left.items()
    }
    assert max(shifts) > 0
    for batch in (left, right):
        logits = model(**batch, pixel_values_videos=pixels).logits
        for row, ids in enumerate(prompts):
            alone = model(input_ids=torch.tensor([ids]), pixel_values_videos=pixels[row : row + 1]).logits[0]
            padded = logits[row][batch["attention_mask"][row].bool()]
            torch.testing.assert_close(padded, alone, rtol=1e-4, atol=1e-4)


# Ways to generate


@torch.no_grad()
def test_greedy_decoding_takes_the_best_token_of_every_full_pass(model):
    """Compared with one pass over the whole text for every token, without a cache."""
    inputs = question()
    text = inputs["input_ids"]
    for _ in range(6):
        scores = model(input_ids=text, pixel_values_videos=inputs["pixel_values_videos"]).logits[0, -1]
        scores[[IMAGE_TOKEN_ID, VIDEO_TOKEN_ID]] = -torch.inf
        text = torch.cat([text, scores.argmax().reshape(1, 1)], dim=1)
    expected = text[:, inputs["input_ids"].shape[1] :]
    assert torch.equal(generate(model, inputs, max_new_tokens=6), expected)


def test_sampling_follows_the_seed(model):
    def sample(seed, **options):
        torch.manual_seed(seed)
        return generate(model, question(), do_sample=True, **options)

    assert torch.equal(sample(0), sample(0))
    assert not torch.equal(sample(0), sample(1))
    assert torch.equal(sample(0, top_k=1), generate(model, question()))


@torch.no_grad()
def test_a_beam_for_every_token_finds_the_best_pair(model):
    """Compared with the scores of all pairs of tokens, from one pass for each first token."""
    inputs = question()
    candidates = [token for token in range(VOCABULARY) if token not in (IMAGE_TOKEN_ID, VIDEO_TOKEN_ID)]
    features = model.get_video_features(inputs["pixel_values_videos"])
    embeds = model.get_input_embeddings()(inputs["input_ids"])
    embeds[inputs["input_ids"] == VIDEO_TOKEN_ID] = features.pooler_output[0]
    followed = torch.cat(
        [embeds.expand(len(candidates), -1, -1), model.get_input_embeddings()(torch.tensor(candidates))[:, None]], dim=1
    )
    scores = log_softmax(model(inputs_embeds=followed, logits_to_keep=2).logits, dim=-1)[:, :, candidates]
    pairs = scores[0, 0][:, None] + scores[:, 1]  # (first token, second token)
    first, second = divmod(int(pairs.argmax()), len(candidates))

    answer = generate(model, inputs, num_beams=len(candidates), max_new_tokens=2)
    assert answer.tolist() == [[candidates[first], candidates[second]]]


@pytest.mark.parametrize("num_videos", [1, 2])
def test_a_static_cache_changes_no_answer(model, num_videos):
    pixels, _ = random_videos(*[NUM_FRAMES] * num_videos)
    prompts = [prompt([3, 4], NUM_TOKENS, QUESTION[: 1 + row]) for row in range(num_videos)]
    inputs = {**left_padded(*prompts), "pixel_values_videos": pixels}
    assert torch.equal(generate(model, inputs, cache_implementation="static"), generate(model, inputs))


def test_prompt_lookup_changes_no_answer(model):
    inputs = question(ids=QUESTION * 4)  # something to look up
    assert torch.equal(generate(model, inputs, prompt_lookup_num_tokens=3), generate(model, inputs))


@pytest.mark.parametrize("text_config", [SMALLER_TEXT, TEXT], ids=["narrower", "same width"])
def test_an_assistant_looks_at_the_video_itself(model, text_config):
    """It encodes the video once, into its own features. The answer is that of the large model alone."""
    assistant = small_model(seed=1, text_config=text_config)
    passes, inputs = passes_of(assistant), question()
    assert torch.equal(generate(model, inputs, assistant_model=assistant), generate(model, inputs))

    assert list(map(has_video, passes)) == [True] + [False] * (len(passes) - 1)
    own = assistant.get_video_features(inputs["pixel_values_videos"]).pooler_output[0]
    torch.testing.assert_close(passes[0]["mm_encoder_outputs"]["video"].pooler_output[0], own)


def test_what_a_perfect_assistant_drafts_is_accepted(model):
    """A copy of the model drafts correctly, but only if it sees the video. Then there are fewer passes than tokens."""
    target = small_model()
    passes = passes_of(target)
    answer = generate(target, question(), assistant_model=model, max_new_tokens=24)
    assert torch.equal(answer, generate(model, question(), max_new_tokens=24))
    assert len(passes) <= 24 / 2


def test_an_assistant_cannot_use_the_features_of_another_model(model):
    inputs = question()
    features = model.get_video_features(inputs["pixel_values_videos"])
    with pytest.raises(ValueError, match="assistant_model has to look at the images and videos itself"):
        generate(model, text_of(inputs), mm_encoder_outputs={"video": features}, assistant_model=small_model())


def test_an_assistant_drafts_for_a_question_without_a_video(model):
    inputs = left_padded(QUESTION)
    assert torch.equal(generate(model, inputs, assistant_model=small_model(seed=1)), generate(model, inputs))


# Continuing from a cache


def test_the_next_question_continues_the_conversation():
    """The second question is answered from the cache, without the video. The answer is that of one long prompt."""
    model, first = small_model(), question()
    answered = model.generate(**first, max_new_tokens=8, do_sample=False, return_dict_in_generate=True)
    text = torch.cat([answered.sequences, torch.tensor([NEXT_QUESTION])], dim=1)
    conversation = {"input_ids": text, "attention_mask": torch.ones_like(text)}

    passes = passes_of(model)
    continued = generate(model, conversation, **{CACHE_NAME: answered[CACHE_NAME]})
    assert not any(map(has_video, passes))
    # The last token of the answer was not in the cache yet.
    assert passes[0]["input_ids"].shape[1] == len(NEXT_QUESTION) + 1
    expected = generate(model, {**conversation, "pixel_values_videos": first["pixel_values_videos"]})
    assert torch.equal(continued, expected)


@torch.no_grad()
def test_a_cache_may_be_given_by_either_name(model):
    """`cache`, and `past_key_values`, its name before transformers 5.24."""
    cache = model(**question(ids=[]), use_cache=True)[CACHE_NAME]
    ids = torch.tensor([QUESTION])
    old, new = (model(ids, **{name: copy.deepcopy(cache)}).logits for name in ("past_key_values", "cache"))
    assert torch.equal(old, new) and not torch.equal(new, model(ids).logits)


@torch.no_grad()
def test_a_video_kept_in_a_cache_can_be_asked_many_times(model):
    beginning = question(ids=[])
    cache = model(**beginning, use_cache=True)[CACHE_NAME]
    for ids in (QUESTION, NEXT_QUESTION):
        whole = question(ids=ids)
        expected = model(**whole)
        asked = model(input_ids=torch.tensor([ids]), **{CACHE_NAME: copy.deepcopy(cache)})
        torch.testing.assert_close(asked.logits, expected.logits[:, -len(ids) :], rtol=1e-4, atol=1e-4)
        answer = generate(model, text_of(whole), **{CACHE_NAME: copy.deepcopy(cache)})
        assert torch.equal(answer, generate(model, whole))


# torch.compile


@pytest.fixture
def compiled():
    """A model whose language model is compiled into one graph. A graph break is an error."""
    torch.compiler.reset()
    model = small_model()
    model.model.language_model.compile(backend="aot_eager", fullgraph=True)
    yield model
    torch.compiler.reset()


@torch.no_grad()
def test_the_language_model_compiles_without_graph_breaks(model, compiled):
    torch.testing.assert_close(compiled(**question()).logits, model(**question()).logits)
    assert torch.equal(generate(compiled, question()), generate(model, question()))


@torch.no_grad()
def test_a_decoding_step_is_compiled_once(model, compiled):
    """With a static cache, no step may be compiled again. Otherwise each new token would take seconds."""
    inputs = question()
    cache = StaticCache(config=compiled.config.text_config, max_cache_len=64)
    compiled(**inputs, **{CACHE_NAME: cache})
    tokens = iter([10, 11, 12, 13])
    step(compiled, next(tokens), cache)
    with torch.compiler.set_stance("fail_on_recompile"):
        logits = [step(compiled, token, cache) for token in tokens]
    whole = model(**question(ids=[*QUESTION, 10, 11, 12, 13])).logits[0]
    torch.testing.assert_close(torch.stack(logits), whole[-3:], rtol=1e-4, atol=1e-4)


def step(model, token, cache):
    return model(input_ids=torch.tensor([[token]]), **{CACHE_NAME: cache}).logits[0, -1]


# Changing the model


@pytest.mark.parametrize("tied", [False, True], ids=["untied, as 7B", "tied, as 0.5B"])
@torch.no_grad()
def test_new_tokens_leave_the_old_ones_as_they_were(tmp_path, tied):
    model = small_model(tie_word_embeddings=tied)
    before = model(**question()).logits
    model.resize_token_embeddings(VOCABULARY + 5)
    model.save_pretrained(tmp_path)
    for resized in (model, FilaVideoForConditionalGeneration.from_pretrained(tmp_path)):
        assert resized.get_input_embeddings().weight.shape[0] == resized.lm_head.weight.shape[0] == VOCABULARY + 5
        assert (resized.lm_head.weight is resized.get_input_embeddings().weight) == tied
        torch.testing.assert_close(resized(**question()).logits[..., :VOCABULARY], before)


# Fine-tuning with LoRA


def lora_config():
    """Adapters for the language model only, and full training of the parts that FiLA-Video adds, which are small.

    The pattern names the language model, because the projections of SigLIP and Qwen2 have the same names.
    """
    return LoraConfig(
        r=4,
        target_modules=r".*language_model.*\.(q|k|v|o|gate|up|down)_proj",
        modules_to_save=["multi_modal_projector", "scene_merging"],
    )


def trained_with_lora(folder):
    """Trains the saved model for two steps. After a single step, half of the adapters would still be unchanged."""
    model = get_peft_model(FilaVideoForConditionalGeneration.from_pretrained(folder), lora_config()).train()
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.5)
    for _ in range(2):
        inputs = question()
        labels = inputs["input_ids"].masked_fill(inputs["input_ids"] == VIDEO_TOKEN_ID, -100)
        model(**inputs, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.mark.parametrize("scene_merging", ["weighted", "attention"])
def test_lora_is_saved_reloaded_and_merged(tmp_path, scene_merging):
    base = small_model(scene_merging=scene_merging)
    base.save_pretrained(tmp_path / "base")
    trained = trained_with_lora(tmp_path / "base")
    trained.save_pretrained(tmp_path / "adapter")
    with torch.no_grad():
        expected = trained(**question()).logits
        fresh = FilaVideoForConditionalGeneration.from_pretrained(tmp_path / "base")
        reloaded = PeftModel.from_pretrained(fresh, tmp_path / "adapter")
        assert torch.equal(reloaded(**question()).logits, expected)

        reloaded.merge_and_unload().save_pretrained(tmp_path / "merged")
        merged = FilaVideoForConditionalGeneration.from_pretrained(tmp_path / "merged")
        torch.testing.assert_close(merged(**question()).logits, expected, rtol=1e-4, atol=1e-4)
    old_weights = base.state_dict()
    assert {name for name, weight in merged.state_dict().items() if not torch.equal(weight, old_weights[name])} == {
        name for name in old_weights if is_trained_with_lora(name)
    }


def is_trained_with_lora(name):
    if name.startswith(("model.scene_merging.", "model.multi_modal_projector.")):
        return True
    return name.startswith("model.language_model.") and name.endswith("_proj.weight")


# Full fine-tuning with transformers' Trainer


@pytest.mark.parametrize("newline_position", ["one_token", "no_token"])
def test_every_parameter_that_is_not_frozen_gets_a_gradient_from_a_video(tmp_path, newline_position):
    """DDP waits for all of them; with gradient checkpointing, the Trainer does not let it look for unused ones."""
    built = small_model(newline_position=newline_position)
    built.save_pretrained(tmp_path)
    loaded, _ = FilaVideoForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    pixels, _ = random_videos(NUM_FRAMES)
    num_tokens = NUM_TOKENS - (newline_position == "no_token")
    for model in (built, loaded):
        inputs = left_padded(prompt([3, 4], num_tokens, QUESTION))
        model(**inputs, pixel_values_videos=pixels, labels=inputs["input_ids"]).loss.backward()
        without = {name for name, parameter in model.named_parameters() if parameter.grad is None}
        assert without == {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
        assert any("post_layernorm" in name for name in without)
        assert ("model.image_newline" in without) == (newline_position == "no_token")


def test_predictions_of_prompts_with_and_without_a_video_are_logits(model, tmp_path):
    with_video = question()
    without = {name: tensor.clone() for name, tensor in text_of(with_video).items()}
    without["input_ids"][without["input_ids"] == VIDEO_TOKEN_ID] = 3
    samples = [{**inputs, "labels": inputs["input_ids"]} for inputs in (with_video, without, with_video)]
    arguments = TrainingArguments(
        str(tmp_path),
        per_device_eval_batch_size=1,
        use_cpu=True,
        report_to="none",
        remove_unused_columns=False,
        label_names=["labels"],
        disable_tqdm=True,
    )
    trainer = Trainer(model, arguments, data_collator=lambda batch: batch[0], compute_metrics=lambda found: {})
    predicted = trainer.predict(samples).predictions
    expected = torch.cat([model(**inputs).logits for inputs in samples])
    torch.testing.assert_close(torch.from_numpy(predicted), expected)

"""How far two prompts are equal, and what is taken from a cache."""

import pytest
import torch
from transformers import DynamicCache, GenerationConfig

from modeling_fila.prompt_prefixes import Medium, Prefix, find_media, is_plain, prefix_of, shared_length
from tests.models import small_model


V = 299


def ids(*parts):
    """A list stands for itself, a number for that many placeholders."""
    return torch.tensor([token for part in parts for token in ([V] * part if isinstance(part, int) else part)])


def test_media_are_found_where_their_placeholders_stand():
    prompt = ids([1, 2], 3, [4], 2, [5, 6])
    assert find_media(prompt, V, [3, 2], ["a", "b"]) == [Medium(2, 5, "a"), Medium(6, 8, "b")]
    # A time of a scene stands among the words of a sentence.
    assert find_media(ids([1], 2, [3, 4], 1, [5]), V, [3], ["a"]) == [Medium(1, 6, "a")]


def test_a_wrong_number_of_placeholders_is_an_error():
    with pytest.raises(ValueError, match="3 placeholder tokens, but 2 visual tokens"):
        find_media(ids([1], 3), V, [2], ["a"])


@pytest.mark.parametrize(
    ("new", "keys", "wanted"),
    [
        (ids([1, 2], 3, [4], 2, [5, 7]), "ab", 9),  # another question
        (ids([1, 2], 3, [4], 2, [5, 6]), "ab", 9),  # the same prompt: its last token is read again
        (ids([1, 2], 3, [4], 2, [5, 6, 8, 9]), "ab", 10),  # a further turn
        (ids([1, 2], 3, [4], 2), "ab", 6),  # the last video would not be whole
        (ids([1, 2], 3, [4], 2, [5, 6]), "ac", 6),  # the second video differs
        (ids([1, 2], 3, [4], 2, [5, 6]), "ca", 2),  # the first video differs
        (ids([1, 2], 4, [4], 2, [5, 6]), "ab", 2),  # the first video is longer
        (ids([1, 2], 3, [4, 5, 6]), "a", 6),  # without the second video
        (ids([9, 2], 3, [4], 2, [5, 6]), "ab", 0),  # another system turn
    ],
)
def test_shared_length(new, keys, wanted):
    earlier = ids([1, 2], 3, [4], 2, [5, 6])
    prefix = Prefix(earlier, tuple(find_media(earlier, V, [3, 2], "ab")), [])
    runs = [run for run in "".join("v" if token == V else " " for token in new).split()]
    assert shared_length(new, find_media(new, V, list(map(len, runs)), keys), prefix) == wanted


def test_an_image_around_a_video_counts_only_with_all_images():
    """All images are one medium, which may reach over the videos between them."""
    earlier = ids([1], 2, [3], 2, [4])
    media = (Medium(1, 6, "images"), Medium(4, 5, "video"))
    same, other = media, (Medium(1, 6, "others"), Medium(4, 5, "video"))
    prefix = Prefix(earlier, media, [])
    assert shared_length(torch.cat([earlier, ids([5])]), same, prefix) == 7
    assert shared_length(torch.cat([earlier, ids([5])]), other, prefix) == 1


@torch.no_grad()
def test_a_cache_from_a_prefix_continues_as_the_whole_prompt():
    """Against one pass over the whole prompt, float32."""
    model = small_model()
    prompt = torch.arange(5, 25)[None]
    whole = model(input_ids=prompt, use_cache=False).logits
    cache = DynamicCache(config=model.config.get_text_config())
    model(input_ids=torch.cat([prompt[:, :12], torch.tensor([[7, 8, 9]])], dim=1), past_key_values=cache)
    prefix = prefix_of(cache, prompt[0, :12], [], "cpu")
    copies = [prefix.cache(10, model.config.get_text_config(), torch.device("cpu")) for _ in range(2)]
    for copy in copies:  # the first one does not change the prefix
        rest = model(input_ids=prompt[:, 10:], past_key_values=copy).logits
        torch.testing.assert_close(rest, whole[:, 10:], rtol=1e-5, atol=1e-5)
    assert prefix.layers[0][0].shape[-2] == 12
    assert prefix.num_bytes == 2 * 2 * (2 * 12 * 12) * 4  # layers, keys and values, heads x tokens x width, float32


def test_a_cache_that_forgets_is_not_kept():
    model = small_model(text_config={**small_model().config.text_config.to_dict(), "layer_types": None})
    sliding = model.config.get_text_config()
    sliding.layer_types = ["sliding_attention", "full_attention"]
    sliding.sliding_window = 4
    cache = DynamicCache(config=sliding)
    for place in range(2):
        cache.update(torch.zeros(1, 2, 6, 12), torch.zeros(1, 2, 6, 12), place)
    assert prefix_of(cache, torch.arange(6), [], "cpu") is None
    assert prefix_of(DynamicCache(), torch.arange(6), [], "cpu") is None  # nothing was computed


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({}, True),
        ({"do_sample": True, "temperature": 0.5, "repetition_penalty": 1.2, "num_beams": 1}, True),
        ({"generation_config": GenerationConfig(do_sample=True)}, True),
        ({"num_beams": 3}, False),
        ({"do_sample": True, "num_return_sequences": 2}, False),
        ({"generation_config": GenerationConfig(num_beams=2)}, False),
        ({"use_cache": False}, False),
        ({"cache_implementation": "static"}, False),
        ({"prefill_chunk_size": 16}, False),
        ({"guidance_scale": 1.5}, False),
        ({"prompt_lookup_num_tokens": 3}, False),
        ({"assistant_model": "anything"}, False),
        ({"custom_generate": "anything"}, False),
        ({"past_key_values": "anything"}, False),
    ],
)
def test_which_ways_of_generation_are_plain(arguments, wanted):
    assert is_plain(arguments, GenerationConfig()) is wanted
    if "generation_config" not in arguments:
        own = {name: value for name, value in arguments.items() if name in vars(GenerationConfig())}
        if own == arguments:
            assert is_plain({}, GenerationConfig(**own)) is wanted

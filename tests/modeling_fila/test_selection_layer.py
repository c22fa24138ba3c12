"""`selection_layer`: all frames go through the first layers of the tower, and only those of scenes through the rest."""

import pytest
import torch
from transformers import AttentionInterface

from modeling_fila.feature_maps import add_newlines
from modeling_fila.vision_features import encode_frames, finish_selected_frames
from tests.models import random_videos, small_model


NUM_LAYERS = 3  # of the tower of `small_model`


def features_of(model, num_frames=(24,), **options):
    pixels, mask = random_videos(*num_frames)
    with torch.no_grad():
        return model.get_video_features(pixels, mask, scene_options=options or None)


def count_frames(model):
    """For each layer, the number of frames that have gone through it. It grows."""
    counts = [0] * NUM_LAYERS

    def count(place):
        def hook(module, args, output):
            counts[place] += len(output)

        return hook

    for place, layer in enumerate(model.model.vision_tower.encoder.layers):
        layer.register_forward_hook(count(place))
    return counts


def num_different(scenes):
    """Number of different frames in the scenes of all videos."""
    return sum(len(set(video.flatten().tolist()) - {-1}) for video in scenes)


def test_an_early_layer_selects_other_scenes():
    found = [features_of(small_model(selection_layer=layer)).scene_frame_indices for layer in range(NUM_LAYERS + 1)]
    assert not any(torch.equal(early, found[-1]) for early in found[:-1])


def test_the_last_layer_is_the_default_bit_for_bit():
    default, last = (features_of(small_model(selection_layer=layer), (24, 9)) for layer in (None, NUM_LAYERS))
    assert torch.equal(default.scene_frame_indices, last.scene_frame_indices)
    assert all(map(torch.equal, default.pooler_output, last.pooler_output))


@pytest.mark.parametrize("layer", range(NUM_LAYERS + 1))
def test_only_selected_frames_go_through_the_rest_of_the_layers_each_once(layer):
    model = small_model(selection_layer=layer)
    counts = count_frames(model)
    features = features_of(model, (24, 9, 24))
    num_selected = num_different(features.scene_frame_indices)
    assert num_selected < 3 * 12  # some scenes are shorter than scene_size, and repeat a frame
    assert counts == [24 + 9 + 24] * layer + [num_selected] * (NUM_LAYERS - layer)


def test_an_option_of_a_call_is_that_of_the_configuration():
    expected, found = features_of(small_model(selection_layer=1)), features_of(small_model(), selection_layer=1)
    assert torch.equal(found.scene_frame_indices, expected.scene_frame_indices)
    assert torch.equal(found.pooler_output[0], expected.pooler_output[0])
    back, default = features_of(small_model(selection_layer=1), selection_layer=None), features_of(small_model())
    assert torch.equal(back.pooler_output[0], default.pooler_output[0])
    with pytest.raises(ValueError, match="selection_layer=4 must be from 0 to 3"):
        features_of(small_model(), selection_layer=4)


@pytest.mark.parametrize("num_kept", [0, 7, 1000])
def test_a_stream_sends_frames_that_were_not_kept_through_the_first_layers_again(num_kept):
    model = small_model(frames_per_chunk=4)
    frames = torch.randint(0, 256, (41, 3, 42, 42), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    options, bytes_of_a_frame = {"selection_layer": 1}, 9 * 32 * 4  # patches x width x float32
    with torch.no_grad():
        expected = model.get_video_features(frames[None], scene_options=options)
    counts = count_frames(model)
    found = model.encode_video(
        frames, lambda places: frames[places], scene_options=options, max_feature_bytes=num_kept * bytes_of_a_frame
    )
    assert torch.equal(found.scene_frame_indices, expected.scene_frame_indices)
    torch.testing.assert_close(found.pooler_output, expected.pooler_output, rtol=1e-5, atol=1e-5)
    selected = set(expected.scene_frame_indices.flatten().tolist())
    assert counts == [41 + len(selected - set(range(num_kept)))] + [len(selected)] * 2


def test_gradients_are_those_of_the_whole_tower():
    """A plain computation: all states of all frames, of which the selected ones are merged."""
    pixels, mask = random_videos(24)
    models = small_model(selection_layer=1), small_model()
    found = models[0].get_video_features(pixels, mask)
    found.pooler_output[0].square().sum().backward()
    states = models[1].model.vision_tower(pixels[0], output_hidden_states=True).hidden_states[-1]
    maps = models[1].model._make_maps(states[found.scene_frame_indices[0]])
    tokens = add_newlines(maps, models[1].model.image_newline, position="one_token")
    torch.testing.assert_close(found.pooler_output[0], tokens, rtol=1e-5, atol=1e-5)
    tokens.square().sum().backward()
    for (name, ours), theirs in zip(models[0].named_parameters(), models[1].parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None), name
        if ours.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_the_attention_of_the_model_is_used_in_every_layer():
    calls = []

    def attention(module, query, key, value, attention_mask, scaling, **kwargs):
        calls.append(len(query))
        weights = (query @ key.transpose(-1, -2) * scaling).softmax(-1)
        return (weights @ value).transpose(1, 2).contiguous(), weights

    AttentionInterface.register("counting", attention)
    model = small_model(selection_layer=1)
    expected = features_of(model)
    model.model.vision_tower.set_attn_implementation("counting")
    found = features_of(model)
    torch.testing.assert_close(found.pooler_output, expected.pooler_output)
    assert sum(calls) == 24 + 2 * num_different(found.scene_frame_indices)


class Finished(torch.nn.Module):
    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, frames, places):
        return finish_selected_frames(self.tower, encode_frames(self.tower, frames, 100, 1), places, 1, 100)


@pytest.mark.parametrize("places", [[[3, 3], [5, 8]], [[0, 1, 1, 2], [8, 8, 8, 8], [3, 4, 5, 6]]], ids=["few", "many"])
@torch.no_grad()
def test_an_exported_program_selects_by_value(places):
    """Its shapes are fixed, so it sends repeated frames through the layers again, but never more frames than all."""
    module, frames = Finished(small_model().model.vision_tower), random_videos(9)[0][0]
    places = torch.tensor(places)
    expected = encode_frames(module.tower, frames, 100)
    program = torch.export.export(module, (frames, torch.zeros_like(places)), strict=False).module()
    for run in (module, program):
        torch.testing.assert_close(run(frames, places), expected[places], rtol=1e-5, atol=1e-5)

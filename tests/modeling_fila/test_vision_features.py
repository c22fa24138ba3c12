"""The vision tower: the features of the right layer for any chunk size, and no other states kept in memory."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from transformers import AutoConfig, AutoModel, SiglipVisionConfig, SiglipVisionModel

from modeling_fila.vision_features import encode_frames
from tests.models import VISION


@pytest.fixture(scope="module")
def tower():
    options = dict(VISION)
    return AutoModel.from_config(AutoConfig.for_model(options.pop("model_type"), **options)).eval()


@pytest.fixture(scope="module")
def frames():
    return torch.randn(7, 3, 42, 42, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("frames_per_chunk", [1, 2, 3, 7, 100])
@torch.no_grad()
def test_features_are_the_last_hidden_states_before_the_final_norm(tower, frames, frames_per_chunk):
    expected = tower(frames, output_hidden_states=True).hidden_states[-1]
    features = encode_frames(tower, frames, frames_per_chunk)
    torch.testing.assert_close(features, expected, rtol=0, atol=1e-5)
    assert not torch.allclose(features, tower(frames).last_hidden_state, atol=1e-2)


@torch.no_grad()
def test_states_of_other_layers_are_freed(tower, frames):
    """`output_hidden_states=True` would need 27 times the memory until the last chunk is done."""
    seen = []
    hook = tower.encoder.layers[0].register_forward_hook(lambda module, args, out: seen.append(weakref.ref(out)))
    encode_frames(tower, frames, 2)
    hook.remove()
    gc.collect()
    assert len(seen) == 4 and all(reference() is None for reference in seen)


@torch.no_grad()
def test_two_threads_do_not_see_each_others_frames(tower):
    videos = [torch.randn(12, 3, 42, 42) for _ in range(2)]
    expected = [encode_frames(tower, video, 2) for video in videos]
    # Without the initializer, each new thread would use several threads itself.
    with ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in range(10):
            found = list(pool.map(lambda video: encode_frames(tower, video, 2), videos))
            assert all(map(torch.equal, found, expected))


@torch.no_grad()
def test_frames_are_cast_to_the_dtype_of_the_tower(tower, frames):
    features = encode_frames(tower, frames.double(), 4)
    torch.testing.assert_close(features, encode_frames(tower, frames, 4))


def test_a_chunk_without_frames_is_refused(tower, frames):
    with pytest.raises(ValueError, match="frames_per_chunk=0"):
        encode_frames(tower, frames, 0)


@pytest.mark.parametrize("size", [(14, 14), (64, 64), (56, 28)])
def test_frames_of_another_size_are_refused(size):
    config = SiglipVisionConfig(
        hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    with pytest.raises(ValueError, match=f"have {size[0]} x {size[1]} pixels, but the vision tower takes 28 x 28"):
        encode_frames(SiglipVisionModel(config), torch.zeros(2, 3, *size), 2)

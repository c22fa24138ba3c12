"""Bytes of frames become what the vision tower takes, as transformers' own video processor makes it."""

import pytest
import torch
from transformers import BaseVideoProcessor

from modeling_fila import vision_features
from processing_fila import FilaVideoVideoProcessor, pixel_values
from processing_fila.pixel_values import model_can_normalize, pad_and_normalize, pad_frames


SIGLIP = {
    **{"do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255},
    **{"image_mean": [0.5] * 3, "image_std": [0.5] * 3},
}


def random_frames(num_frames, seed=0, size=(28, 42)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (num_frames, 3, *size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(
    "options",
    [{}, {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}, {"rescale_factor": 1 / 127.5}],
    ids="siglip clip signed".split(),
)
def test_values_are_those_of_transformers(options):
    """Bit for bit, for 19 frames, which are more than are converted at once."""
    settings, frames = {**SIGLIP, **options}, random_frames(19)
    wanted = BaseVideoProcessor(do_resize=False, do_convert_rgb=False, **settings)(frames, return_tensors="pt")
    batch, mask = pad_and_normalize([frames], *map(settings.get, ("image_mean", "image_std", "rescale_factor")))
    assert torch.equal(batch, wanted["pixel_values_videos"]) and mask.tolist() == [[1] * 19]
    made = FilaVideoVideoProcessor(do_resize=False, num_frames=19, **settings)(frames, return_tensors="pt")
    assert torch.equal(made["pixel_values_videos"], wanted["pixel_values_videos"])


@pytest.mark.parametrize("pad", [pad_frames, lambda videos: pad_and_normalize(videos, 0.5, 0.5, 1 / 255)])
def test_shorter_videos_end_with_zeros(pad):
    videos = [random_frames(3), random_frames(9, seed=1)]
    batch, mask = pad(videos)
    assert batch.shape == (2, 9, 3, 28, 42) and not batch[0, 3:].any()
    assert mask.tolist() == [[1] * 3 + [0] * 6, [1] * 9] and mask.dtype == torch.int64
    for video, place in zip(videos, batch, strict=True):
        assert torch.equal(place[: len(video)], pad([video])[0][0])


def test_a_single_video_of_bytes_is_not_copied():
    frames = random_frames(4)
    assert pad_frames([frames])[0].data_ptr() == frames.data_ptr()


def test_both_folders_have_the_same_numbers():
    for name in ("PIXEL_MEAN", "PIXEL_STD"):
        assert getattr(pixel_values, name) == getattr(vision_features, name)


@torch.no_grad()
def test_the_model_makes_the_same_of_bytes_as_the_processor():
    frames = random_frames(5)
    settings = map(SIGLIP.get, ("image_mean", "image_std", "rescale_factor"))
    assert torch.equal(vision_features.normalize_bytes(frames), pad_and_normalize([frames], *settings)[0][0])
    floats = torch.rand(2, 3, 4, 4)
    assert vision_features.normalize_bytes(floats) is floats


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, True),
        ({"image_mean": 0.5, "image_std": (0.5, 0.5, 0.5)}, True),
        ({"image_mean": [0.5, 0.5, 0.4]}, False),
        ({"image_std": 0.25}, False),
        ({"rescale_factor": 1 / 256}, False),
        ({"do_normalize": False}, False),
        ({"do_rescale": False}, False),
    ],
)
def test_bytes_are_given_only_if_the_model_normalizes_alike(options, wanted):
    assert model_can_normalize({**SIGLIP, **options}) is wanted
    frames = random_frames(2, size=(42, 42))
    processor = FilaVideoVideoProcessor(do_resize=False, num_frames=2, **options)
    plain, made = (
        processor(frames, return_tensors="pt", **more)["pixel_values_videos"] for more in ({}, {"as_bytes": True})
    )
    if wanted:
        assert torch.equal(made, frames[None]) and torch.equal(vision_features.normalize_bytes(made), plain)
    else:
        assert torch.equal(made, plain)

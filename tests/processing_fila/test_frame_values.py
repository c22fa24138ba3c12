"""Frames in memory of any number type are the pictures they were made from, or are refused by name."""

import numpy as np
import pytest
import torch

from processing_fila import FilaVideoVideoProcessor
from processing_fila.frame_values import as_8_bit
from processing_fila.video_input import stack_frames


# All values of 8 bits, in 3 channels.
PICTURES = np.stack([np.arange(256, dtype=np.uint8).reshape(2, 8, 16)] * 3, axis=-1)


@pytest.mark.parametrize(
    "frames",
    [
        PICTURES,
        PICTURES.astype(np.int64),
        PICTURES.astype(np.uint16),
        PICTURES.astype(np.uint16) * 257,
        PICTURES.astype(np.float64),
        PICTURES / 255,
        (PICTURES / 255).astype(np.float32),
        (PICTURES / 255).astype(np.float16),
    ],
    ids="uint8 int64 uint16 16_bit float_255 double_1 float_1 half_1".split(),
)
@pytest.mark.parametrize("channels_first", [False, True])
def test_every_number_type_gives_the_same_pixels(frames, channels_first):
    def arrange(values):
        return values.transpose(0, 3, 1, 2) if channels_first else values

    assert torch.equal(as_8_bit(torch.from_numpy(arrange(frames).copy())), torch.from_numpy(arrange(PICTURES).copy()))
    process = FilaVideoVideoProcessor(size={"height": 8, "width": 16})
    pixels = process(arrange(frames), return_tensors="pt")["pixel_values_videos"]
    wanted = torch.from_numpy(PICTURES / 127.5 - 1).permute(0, 3, 1, 2).float()[None]
    torch.testing.assert_close(pixels, wanted, rtol=0, atol=1e-6)


def test_true_is_white():
    frames = torch.zeros(2, 4, 4, 3, dtype=torch.bool)
    frames[1] = True
    assert as_8_bit(frames).flatten(1).unique(dim=1).tolist() == [[0], [255]]


def test_a_caller_who_has_scaled_the_frames_says_so():
    process = FilaVideoVideoProcessor(size={"height": 8, "width": 16}, do_rescale=False)
    pixels = process(PICTURES / 255, return_tensors="pt")["pixel_values_videos"]
    wanted = torch.from_numpy(PICTURES / 127.5 - 1).permute(0, 3, 1, 2).to(pixels.dtype)[None]
    torch.testing.assert_close(pixels, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "frames, message",
    [
        (PICTURES / 127.5 - 1, "float64 hold values from -1 to 1"),
        (PICTURES * 2.0, "float64 hold values from 0 to 510"),
        (PICTURES.astype(np.int32) * 2, "int32 hold values from 0 to 510"),
        (PICTURES.astype(np.int8), "int8 hold values from -128 to 127"),
        (np.full((2, 4, 4, 3), np.nan), "float64 hold NaN or infinite"),
        (np.full((2, 4, 4, 3), np.inf), "float64 hold NaN or infinite"),
        (np.zeros((2, 8, 16, 4), np.uint8), r"need 3 channels.*\(2, 8, 16, 4\)"),
        (np.zeros((2, 1, 8, 16), np.uint8), r"need 3 channels.*\(2, 1, 8, 16\)"),
        (np.zeros((2, 4, 4, 3), np.complex64), "complex64 holds no frames"),
        (np.full((2, 4, 4, 3), "a"), "<U1 holds no frames"),
    ],
)
def test_other_values_are_refused_by_name(frames, message):
    with pytest.raises(ValueError, match=message):
        FilaVideoVideoProcessor()(frames)


def test_frames_of_two_number_types_are_refused():
    with pytest.raises(ValueError, match=r"same number type.*torch\.float64, torch\.uint8"):
        stack_frames([PICTURES[0], PICTURES[1] / 255])

"""Image tokens counted without the model, against transformers' LLaVA-OneVision processor and our own model."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import LlavaOnevisionImageProcessor, LlavaOnevisionProcessor, LlavaOnevisionVideoProcessor

from fila_video.conversion import train_tokenizer
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila.image_tokens import count_image_tokens, count_overview_tokens
from tests.models import small_config


SIZES = [(384, 384), (100, 100), (1000, 300), (300, 1000), (2304, 2304), (640, 480), (37, 1999), (768, 1152)]


def picture(height, width):
    return Image.fromarray(np.zeros((height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_one_image_as_llava_onevision_counts_it(size):
    tokenizer = train_tokenizer()
    peer = LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(),
        tokenizer,
        LlavaOnevisionVideoProcessor(),
        num_image_tokens=729,
        vision_feature_select_strategy="full",
    )
    ids = peer(images=picture(*size), text="<image>")["input_ids"][0]
    ours = count_image_tokens(
        size,
        patches_per_side=27,
        tile_size=384,
        grid_pinpoints=peer.image_processor.image_grid_pinpoints,
        max_tiles=9,
    )
    assert ours == list(ids).count(tokenizer.convert_tokens_to_ids("<image>"))


def test_one_of_several_is_its_overview_and_a_newline():
    assert count_overview_tokens(27) == 730


@pytest.mark.parametrize("size", [(42, 42), (50, 200), (300, 90), (126, 84)], ids=str)
def test_the_model_makes_as_many(size):
    pinpoints = [[rows * 42, columns * 42] for rows in range(1, 4) for columns in range(1, 4)]
    config = small_config(image_grid_pinpoints=pinpoints, vision_aspect_ratio="anyres_max_4")
    model = FilaVideoForConditionalGeneration(config)
    processor = LlavaOnevisionImageProcessor(size={"height": 42, "width": 42}, image_grid_pinpoints=pinpoints)
    with torch.no_grad():
        features = model.get_image_features(**processor(picture(*size), return_tensors="pt"))
    ours = count_image_tokens(size, patches_per_side=3, tile_size=42, grid_pinpoints=pinpoints, max_tiles=4)
    assert ours == len(features.pooler_output[0])

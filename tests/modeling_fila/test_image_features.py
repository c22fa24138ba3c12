"""The layout of an image's visual tokens by hand. test_llava_onevision.py compares whole images with transformers."""

import torch

from modeling_fila.image_features import lay_out_overview, lay_out_tiles, shrink, tile_grid, unpad


NEWLINE = torch.tensor([-1.0])


def test_the_grid_that_loses_the_fewest_pixels_is_chosen():
    pinpoints = [[rows * 42, columns * 42] for rows in (1, 2, 3) for columns in (1, 2, 3)]
    assert tile_grid((84, 126), pinpoints, 42) == (2, 3)
    assert tile_grid((40, 120), pinpoints, 42) == (1, 3)


def test_the_border_around_an_image_is_cropped():
    grid = torch.arange(36.0).reshape(1, 6, 6)
    assert torch.equal(unpad(grid, (50, 100)), grid[:, 1:5])  # a wide image has a border above and below
    assert torch.equal(unpad(grid, (100, 50)), grid[:, :, 1:5])
    assert torch.equal(unpad(grid, (77, 77)), grid)


def test_only_a_grid_with_many_more_patches_is_shrunk():
    assert shrink(torch.zeros(1, 11, 11), 100).shape == (1, 11, 11)
    assert shrink(torch.zeros(1, 12, 12), 100).shape == (1, 10, 10)


def test_the_rows_of_neighboring_tiles_are_joined():
    """An overview and 1 x 2 tiles of 2 x 2 patches, numbered from 0 to 11."""
    tiles = torch.arange(12.0).reshape(3, 4, 1)
    tokens = lay_out_tiles(tiles, NEWLINE, image_size=(50, 100), grid=(1, 2), max_tiles=9)
    assert tokens.flatten().tolist() == [0, 1, 2, 3, 4, 5, 8, 9, -1, 6, 7, 10, 11, -1]


def test_one_of_several_images_is_its_overview_and_a_newline():
    assert lay_out_overview(torch.arange(4.0).reshape(1, 4, 1), NEWLINE).flatten().tolist() == [0, 1, 2, 3, -1]

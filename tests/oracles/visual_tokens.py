"""From merged scenes to visual tokens in plain NumPy, float64: projector, spatial pooling, newline tokens."""

from math import ceil, erf, sqrt

import numpy as np


def project(merged, linear_1, linear_2):
    """The 2-layer MLP with an exact GELU. Each layer is a pair of weight (out, in) and bias (out,)."""
    hidden = merged @ linear_1[0].T + linear_1[1]
    hidden = hidden * 0.5 * (1 + np.vectorize(erf)(hidden / sqrt(2)))
    return hidden @ linear_2[0].T + linear_2[1]


def bilinear(grid, side):
    """Resamples a square grid to (side, side, width): aligned pixel centers, no smoothing, repeated edges."""
    scale = len(grid) / side
    result = np.zeros((side, side, grid.shape[2]))
    for row in range(side):
        for column in range(side):
            for y, weight_y in _neighbors((row + 0.5) * scale - 0.5, len(grid)):
                for x, weight_x in _neighbors((column + 0.5) * scale - 0.5, len(grid)):
                    result[row, column] += weight_y * weight_x * grid[y, x]
    return result


def _neighbors(position, size):
    position = max(position, 0)
    low = int(np.floor(position))
    high = min(low + 1, size - 1)
    return [(low, 1 - (position - low)), (high, position - low)]


def pool(maps, mode, stride):
    """Shrinks each map (patches, width) as a square grid."""
    pooled = []
    for feature_map in maps:
        patches_per_side = int(sqrt(len(feature_map)))
        grid = feature_map.reshape(patches_per_side, patches_per_side, -1)
        if mode == "bilinear":
            pooled.append(bilinear(grid, ceil(patches_per_side / stride)))
            continue
        reduce = {"average": np.mean, "max": np.max}[mode]
        side = patches_per_side // stride
        blocks = [
            [reduce(grid[r * stride :, c * stride :][:stride, :stride], axis=(0, 1)) for c in range(side)]
            for r in range(side)
        ]
        pooled.append(np.array(blocks))
    return pooled


def lay_out(maps, newline, position):
    """Lays out grids (side, side, width) as a sequence with newline tokens."""
    tokens = []
    for grid in maps:
        for row in grid:
            tokens += list(row) + ([newline] if position == "grid" else [])
        tokens += [newline] if position == "frame" else []
    tokens += [newline] if position == "one_token" else []
    return np.array(tokens)

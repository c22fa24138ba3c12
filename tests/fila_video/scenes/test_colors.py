"""The palette: distinct, readable, and distinguishable for people with any color vision."""

import itertools

import numpy as np
import pytest

from fila_video.scenes.colors import DIVERGING, SEQUENTIAL, cluster_color, paint, text_color, to_rgb


# Simulation of color blindness in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1.0).
BLINDNESS = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(color):
    part = np.array(to_rgb(color)) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE 1976 L*a*b* of linear RGB, white point D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.clip(np.array(to_xyz) @ rgb, 1e-9, None) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(left, right):
    """Contrast of two colors (WCAG 2)."""
    low, high = sorted(0.05 + linear(color) @ [0.2126, 0.7152, 0.0722] for color in (left, right))
    return high / low


def test_32_clusters_have_32_colors():
    assert len({cluster_color(cluster) for cluster in range(32)}) == 32
    assert cluster_color(32) == cluster_color(0)


@pytest.mark.parametrize("kind", BLINDNESS)
def test_neighbors_differ_for_every_kind_of_color_vision(kind):
    """A difference of 15 is plain to see where two areas touch."""
    seen = [lab(np.clip(np.array(BLINDNESS[kind]) @ linear(cluster_color(cluster)), 0, 1)) for cluster in range(33)]
    assert min(np.linalg.norm(left - right) for left, right in itertools.pairwise(seen)) > 15


@pytest.mark.parametrize("cluster", range(32))
def test_numbers_are_readable_on_their_color(cluster):
    color = cluster_color(cluster)
    assert contrast(color, text_color(color)) >= 4.5


def test_paint_by_hand():
    values = np.array([[-2.0, -1.0, 0.0], [0.5, 1.0, 7.0]])
    painted = paint(values, ("#000000", "#640000", "#64c800"), -1, 1)
    assert painted.tolist() == [[[0, 0, 0], [0, 0, 0], [100, 0, 0]], [[100, 100, 0], [100, 200, 0], [100, 200, 0]]]


def test_the_scales_are_monotonic_in_lightness():
    lightness = [lab(linear(color))[0] for color in SEQUENTIAL]
    assert lightness == sorted(lightness, reverse=True)
    middle = len(DIVERGING) // 2
    lightness = [lab(linear(color))[0] for color in DIVERGING]
    assert lightness[: middle + 1] == sorted(lightness[: middle + 1])
    assert lightness[middle:] == sorted(lightness[middle:], reverse=True)

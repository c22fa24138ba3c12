"""Frame features, including difficult cases, for the tests of scene selection and of k-means."""

import pytest
import torch


def random_features(num_frames, width=12, seed=0):
    return torch.randn(num_frames, width, generator=torch.Generator().manual_seed(seed))


def video_features(num_frames, width=12, seed=0):
    """As in a video, neighboring frames are alike and scenes differ: a slow random walk with cuts."""
    noise = random_features(num_frames, width, seed)
    is_cut = torch.arange(num_frames) % 11 == 0
    return 3 + torch.where(is_cut[:, None], 3 * noise, 0.2 * noise).cumsum(dim=0)


def far_apart(num_frames=40, width=8, seed=0):
    """Two clusters 2,000 apart whose members differ by about 1."""
    sign = torch.where(torch.arange(num_frames) % 2 == 0, 1.0, -1.0)
    return random_features(num_frames, width, seed) + 1000 * sign[:, None]


def slides(num_frames=40, width=8, num_slides=5, seed=0):
    """Many frames are exactly equal, so there are fewer different frames than scenes to find."""
    return random_features(num_slides, width, seed)[torch.arange(num_frames) * num_slides // num_frames]


ADVERSARIAL = {
    "random": random_features(60),
    "video": video_features(96),
    "far apart": far_apart(),
    "slides": slides(),
    "all equal": torch.full((40, 8), 0.1),
    "all zero": torch.zeros(40, 8),
    "some zero": video_features(40) * (torch.arange(40) % 3 > 0)[:, None],
    "one outlier": torch.cat([torch.zeros(30, 4), torch.ones(1, 4), torch.zeros(9, 4)]),
    "one wide": random_features(50, width=1),
}
every_features = pytest.mark.parametrize("features", ADVERSARIAL.values(), ids=ADVERSARIAL)

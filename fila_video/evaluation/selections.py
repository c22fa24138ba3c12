"""The ways of selecting scenes that are compared, as fields of FilaVideoConfig (paper: Table 2)."""

from typing import Any


def _kmeans(supplement: str, *, start: str = "random") -> dict[str, Any]:
    return {"scene_selection": "kmeans", "scene_supplement": supplement, "kmeans_init": start}


# The paper starts k-means with random frames.
SELECTIONS: dict[str, dict[str, Any]] = {
    "bipartite": {"scene_selection": "bsm"},
    "dissimilar": _kmeans("dissimilar"),
    "similar": _kmeans("similar"),
    "dissimilar, k-means++": _kmeans("dissimilar", start="kmeans++"),
    "similar, k-means++": _kmeans("similar", start="kmeans++"),
}
OF_THE_SMALL_MODEL = "similar, k-means++"

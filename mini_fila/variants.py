"""What the ablations compare: how a variant is trained, and how it is used when it is asked.

The paper's proportions at a twelfth of its size: 24 frames become 8 scenes of three.
"""

from dataclasses import dataclass, field
from typing import Any


SCENES = 8
FRAMES = 3 * SCENES


@dataclass(frozen=True)
class Variant:
    """
    One row of a table.

    Args:
        training: fields of FilaVideoConfig while training.
        inference: those of the model that is asked, where they differ.
        trained_as: the row whose training this one shares; it differs in use only.
    """

    name: str
    training: dict[str, Any] = field(default_factory=dict)
    inference: dict[str, Any] = field(default_factory=dict)
    trained_as: str | None = None

    @property
    def run(self) -> str:
        """The name of its training run."""
        return self.trained_as or self.name


def _merged(method: str, *, frames: int = FRAMES, size: int = 3) -> dict[str, Any]:
    return {
        "scene_selection": "uniform",
        "scene_merging": method,
        "num_frames": frames,
        "num_scenes": SCENES,
        "scene_size": size,
    }


def _base(frames: int) -> dict[str, Any]:
    """FiLA-Base: every frame is a feature map."""
    return {"scene_selection": "uniform", "scene_merging": "none", "num_frames": frames, "scene_size": 1}


def _kmeans(supplement: str, *, start: str = "random") -> dict[str, Any]:
    return {"scene_selection": "kmeans", "scene_supplement": supplement, "kmeans_init": start}


# Ways of selecting scenes; the paper's start is random.
SELECTIONS: dict[str, dict[str, Any]] = {
    "bipartite": {"scene_selection": "bsm"},
    "dissimilar": _kmeans("dissimilar"),
    "similar": _kmeans("similar"),
    "dissimilar, k-means++": _kmeans("dissimilar", start="kmeans++"),
    "similar, k-means++": _kmeans("similar", start="kmeans++"),
}
KMEANS = SELECTIONS["similar"]
WEIGHTED = Variant("weighted", _merged("weighted"), KMEANS)

TABLES: dict[str, tuple[Variant, ...]] = {
    # Table 1: FiLA-Base has twice the visual tokens.
    "table1": (Variant(f"base, {2 * SCENES} frames", _base(2 * SCENES)), WEIGHTED),
    # Table 2: one training, as in the paper; scenes are selected in another way when the model is asked.
    "table2": (
        Variant("uniform", WEIGHTED.training, {}, "weighted"),
        *(
            Variant(name, WEIGHTED.training, SELECTIONS[name], "weighted")
            for name in ("bipartite", "dissimilar", "similar", "similar, k-means++")
        ),
    ),
    # Table 3: stages 1 to 3 know no merging.
    "table3": (
        Variant("none", _base(SCENES)),
        Variant("attention", _merged("attention"), KMEANS),
        Variant("average", _merged("average"), KMEANS),
        Variant("bipartite merging", _merged("bsm"), KMEANS),
        WEIGHTED,
    ),
    "frames": (
        *(
            Variant(f"{frames} frames", _merged("weighted", frames=frames), KMEANS)
            for frames in (2 * SCENES, 6 * SCENES)
        ),
        Variant(f"{FRAMES} frames", WEIGHTED.training, KMEANS, "weighted"),
    ),
    "scene_size": (
        *(Variant(f"scenes of {size}", _merged("weighted", size=size), KMEANS) for size in (1, 2, 4)),
        Variant("scenes of 3", WEIGHTED.training, KMEANS, "weighted"),
    ),
}
LEARNS_MERGING = ("weighted", "attention")

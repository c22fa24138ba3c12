"""The variants that the ablations compare: how each is trained, and how it is used to answer questions.

Sizes keep the paper's proportions: 24 frames become 8 scenes of three, where the paper makes 32 scenes from 96 frames.
"""

from dataclasses import dataclass, field
from typing import Any

from ..selections import SELECTIONS


SCENES = 8
FRAMES = 3 * SCENES


@dataclass(frozen=True)
class Variant:
    """
    One row of a table.

    Args:
        name: Name of the row.
        training: Fields of FilaVideoConfig during training.
        inference: Fields that differ from these when the model answers questions.
        trained_as: Name of the row whose training run this row shares, if it differs only in `inference`.
    """

    name: str
    training: dict[str, Any] = field(default_factory=dict)
    inference: dict[str, Any] = field(default_factory=dict)
    trained_as: str | None = None

    @property
    def run(self) -> str:
        """Name of the training run."""
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


KMEANS = SELECTIONS["similar"]
WEIGHTED = Variant("weighted", _merged("weighted"), KMEANS)

TABLES: dict[str, tuple[Variant, ...]] = {
    # Table 1: FiLA-Base has twice the visual tokens.
    "table1": (Variant(f"base, {2 * SCENES} frames", _base(2 * SCENES)), WEIGHTED),
    # Table 2: one training run, as in the paper. Rows differ in how scenes are selected when the model answers.
    "table2": (
        Variant("uniform", WEIGHTED.training, {}, "weighted"),
        *(
            Variant(name, WEIGHTED.training, SELECTIONS[name], "weighted")
            for name in ("bipartite", "dissimilar", "similar", "similar, k-means++")
        ),
    ),
    # Table 3: stages 1 to 3 train without merging.
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

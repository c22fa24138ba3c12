"""Which ways of merging the frames of a scene a model can use in place of its own."""

from typing import Any


# Ways without weights: any model that merges scenes can use them.
FREE_MERGINGS = ("average", "bsm")


def set_scene_merging(config: Any, scene_merging: str | None, *, option: str = "scene_merging ") -> None:
    """
    Changes how a model merges the frames of a scene.

    Args:
        config: `FilaVideoConfig` of the model; it is changed.
        scene_merging: The way; None leaves the model's own.
        option: What the user wrote before the name of the way, for the error message.

    Raises:
        ValueError: If the model has no weights for it.
    """
    if scene_merging in (None, config.scene_merging):
        return
    if scene_merging not in FREE_MERGINGS or config.scene_merging == "none":
        raise ValueError(
            f"{option}{scene_merging} does not fit this model, whose scene_merging is {config.scene_merging!r}. "
            "`fila-video convert` makes one that it fits."
        )
    config.scene_merging = scene_merging

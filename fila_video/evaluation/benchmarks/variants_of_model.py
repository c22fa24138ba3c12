"""The rows that are measured: a model, another one to compare it with, or the rows of an ablation without training."""

from dataclasses import dataclass, field
from typing import Any

from ..selections import SELECTIONS


@dataclass(frozen=True)
class Row:
    """
    A model with options.

    Attributes:
        name: Name of the row, and of its folder.
        model: Folder or Hub id.
        revision: Branch, tag or commit on the Hub.
        options: Options of `lmms_eval_model.FilaVideo` that differ from the model's own.
    """

    name: str
    model: str
    revision: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


ABLATIONS = ("table2", "table3", "frames", "scenes")
AS_IT_IS = "as it is"
FACTORS = (0.5, 2)


def ablation_rows(ablation: str, row: Row, config: Any) -> list[Row]:
    """
    Returns the rows of an ablation; the first one, to which the others are compared, is the model as it is.

    Args:
        ablation: `"table2"`: how scenes are selected. `"table3"`: how their frames are merged, as far as that needs no
            weights. `"frames"` and `"scenes"`: half and twice the number that the model takes.
        row: The model.
        config: Its `FilaVideoConfig`.

    Raises:
        ValueError: If the model keeps all frames, or the ablation is unknown.
    """
    if ablation not in ABLATIONS:
        raise ValueError(f"{ablation!r} is not one of the ablations {', '.join(ABLATIONS)}.")
    if config.scene_merging == "none" and ablation != "frames":
        raise ValueError(f"{row.model} keeps all frames (scene_merging='none'), so {ablation} would change nothing.")
    changes: dict[str, dict[str, Any]] = {}
    if ablation == "table2":
        changes["uniform"] = {"scene_selection": "uniform"}
        for name in ("bipartite", "dissimilar", "similar"):
            fields = SELECTIONS[name]
            known = ("scene_selection", "scene_supplement")
            changes[name] = {field: fields[field] for field in known if field in fields}
    elif ablation == "table3":
        changes = {name: {"scene_merging": name} for name in ("average", "bsm")}
    else:
        option = f"num_{ablation}"
        numbers = [round(factor * getattr(config, option)) for factor in FACTORS]
        changes = {f"{number} {ablation}": {option: number} for number in numbers if number > 0}
    own = {AS_IT_IS: {}, **{name: fields for name, fields in changes.items() if not _is_own(fields, config)}}
    return [Row(name, row.model, row.revision, {**row.options, **fields}) for name, fields in own.items()]


def _is_own(fields: dict[str, Any], config: Any) -> bool:
    """Whether the model has these values already."""
    return all(getattr(config, name) == value for name, value in fields.items())

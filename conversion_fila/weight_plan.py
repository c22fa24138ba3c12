"""Which weight of the new model comes from where, what is left out and why; complete before anything is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from configuration_fila import FilaVideoConfig

from .errors import ConversionError, listing
from .key_maps import rename
from .source_files import SourceFiles
from .weights import Weight, are_equal


SCENE_MERGING = "model.scene_merging."
EMBEDDINGS, HEAD = "model.language_model.embed_tokens.weight", "lm_head.weight"

# Names in any source of what older releases stored, although it follows from the configuration.
COMPUTED = re.compile(r"\.(rotary_emb\.inv_freq|position_ids)$")
VISION_LAYER = re.compile(r"model\.vision_tower\.encoder\.layers\.(\d+)\.")


@dataclass
class WeightPlan:
    """
    Args:
        weights: what becomes of each name in the new model.
        dropped: what of the sources has no place in it, and why.
        unknown: names in the sources that nothing is known of.
    """

    weights: dict[str, Weight] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def add(self, source: SourceFiles, table: Mapping[str, str], unused: Mapping[str, str] | None = None) -> None:
        """
        Takes the tensors of a source.

        Args:
            table: beginnings of its names, and what they become.
            unused: beginnings of names that have no place in the new model, and why.

        Raises:
            [`ConversionError`]: if two tensors become the same weight.
        """
        for name, weight in source.weights.items():
            target = rename(name, table)
            why = next((why for prefix, why in (unused or {}).items() if name.startswith(prefix)), None)
            if COMPUTED.search(name):
                self.dropped[weight.origin] = "follows from the configuration"
            elif why is not None:
                self.dropped[weight.origin] = why
            elif target is None:
                self.unknown.append(name)
            elif target in self.weights:
                raise ConversionError(f"{self.weights[target].origin} and {name} both become {target}.")
            else:
                self.weights[target] = weight

    def drop(self, target: str, why: str) -> None:
        """Leaves out a weight that was taken."""
        self.dropped[self.weights.pop(target).origin] = why

    def drop_unread_vision(self, num_layers: int) -> None:
        """Leaves out of the vision tower what does not feed the projector: its pooling head, and layers at the end."""
        for target in list(self.weights):
            layer = VISION_LAYER.match(target)
            if target.startswith("model.vision_tower.head."):
                self.drop(target, "the pooling head: the projector reads patches")
            elif layer and int(layer[1]) >= num_layers:
                self.drop(target, f"the projector reads what leaves layer {num_layers - 1}")

    def settle_tied_head(self, config: FilaVideoConfig) -> None:
        """
        Leaves out a head that is the embeddings again. One that differs stays, as in transformers, and the
        configuration is corrected.
        """
        if not config.tie_word_embeddings or HEAD not in self.weights or EMBEDDINGS not in self.weights:
            return
        if are_equal(self.weights[HEAD], self.weights[EMBEDDINGS]):
            self.drop(HEAD, "the embeddings again: they are tied")
        else:
            config.tie_word_embeddings = config.text_config.tie_word_embeddings = False

    def check(self, expected: Mapping[str, torch.Size]) -> None:
        """
        Raises [`ConversionError`] with every weight that is missing, unexpected or wrongly shaped.

        Args:
            expected: names and shapes of the weights of the new model.
        """
        missing = sorted(expected.keys() - self.weights.keys())
        unexpected = [f"{self.weights[name].origin}, as {name}" for name in sorted(self.weights.keys() - expected)]
        misshapen = [
            f"{name}: {tuple(weight.shape)} in {weight.origin}, {tuple(expected[name])} in the configuration"
            for name, weight in sorted(self.weights.items())
            if name in expected and weight.shape != expected[name]
        ]
        integers = [
            f"{weight.origin}: {weight.dtype}" for weight in self.weights.values() if not weight.dtype.is_floating_point
        ]
        problems = (
            listing("missing", missing)
            + listing("unexpected", sorted(self.unknown) + unexpected)
            + listing("wrongly shaped", misshapen)
            + listing("not of floating point", integers)
        )
        if problems:
            raise ConversionError(f"The tensors do not make up the model that config.json describes.{problems}")

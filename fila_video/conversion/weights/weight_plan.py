"""Which tensor becomes which weight of the new model, and which tensors are left out. Complete before any writing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from configuration_fila import FilaVideoConfig

from ..errors import ConversionError, listing
from .prefixes import replace_prefix
from .weight import Weight, are_equal


SCENE_MERGING = "model.scene_merging."
EMBEDDINGS, HEAD = "model.language_model.embed_tokens.weight", "lm_head.weight"

# Older releases of transformers stored these tensors, although they follow from the configuration.
COMPUTED = re.compile(r"\.(rotary_emb\.inv_freq|position_ids)$")
VISION_LAYER = re.compile(r"model\.vision_tower\.encoder\.layers\.(\d+)\.")


@dataclass
class WeightPlan:
    """
    Args:
        weights: The weights of the new model by their names in the model.
        dropped: Tensors of the sources that the new model has no place for, and the reason.
        unknown: Names in the sources that no table knows.
    """

    weights: dict[str, Weight] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def add(
        self, weights: Mapping[str, Weight], prefixes: Mapping[str, str], unused: Mapping[str, str] | None = None
    ) -> None:
        """
        Takes the tensors of a source.

        Args:
            weights: The tensors by their names in the source.
            prefixes: Prefixes of names in the source, and what replaces them in the new model.
            unused: Prefixes of tensors that the new model has no place for, and the reason.

        Raises:
            ConversionError: If two tensors become the same weight.
        """
        for name, weight in weights.items():
            target = replace_prefix(name, prefixes)
            reason = next((reason for prefix, reason in (unused or {}).items() if name.startswith(prefix)), None)
            if COMPUTED.search(name):
                self.dropped[weight.origin] = "follows from the configuration"
            elif reason is not None:
                self.dropped[weight.origin] = reason
            elif target is None:
                self.unknown.append(name)
            elif target in self.weights:
                raise ConversionError(f"{self.weights[target].origin} and {name} both become {target}.")
            else:
                self.weights[target] = weight

    def drop(self, target: str, reason: str) -> None:
        """Leaves out a weight that was taken before."""
        self.dropped[self.weights.pop(target).origin] = reason

    def drop_scene_merging(self, reason: str) -> None:
        """Leaves out all weights of scene merging."""
        for target in [target for target in self.weights if target.startswith(SCENE_MERGING)]:
            self.drop(target, reason)

    def drop_unread_vision(self, num_layers: int) -> None:
        """
        Leaves out the parts of the vision tower that do not reach the projector: the pooling head and the last layers.

        Args:
            num_layers: Number of layers of the vision tower that the new model has.
        """
        for target in list(self.weights):
            layer = VISION_LAYER.match(target)
            if target.startswith("model.vision_tower.head."):
                self.drop(target, "part of the pooling head, but the projector reads patches")
            elif layer and int(layer[1]) >= num_layers:
                self.drop(target, f"the projector reads the output of layer {num_layers - 1}")

    def drop_tied_head(self, config: FilaVideoConfig) -> None:
        """
        Leaves out a head that repeats the embeddings, if the configuration ties the two.

        A head with other values stays, as in transformers. Then this sets `tie_word_embeddings` to False in `config`.
        """
        if not config.tie_word_embeddings or HEAD not in self.weights or EMBEDDINGS not in self.weights:
            return
        if are_equal(self.weights[HEAD], self.weights[EMBEDDINGS]):
            self.drop(HEAD, "repeats the embeddings, to which it is tied")
        else:
            config.tie_word_embeddings = config.text_config.tie_word_embeddings = False

    def check(self, expected: Mapping[str, torch.Size]) -> None:
        """
        Compares the plan with the weights that the new model has.

        Args:
            expected: Names and shapes of the weights of the new model.

        Raises:
            ConversionError: If a weight is missing, unexpected, or of the wrong shape or kind. The message lists all.
        """
        missing = sorted(expected.keys() - self.weights.keys())
        unexpected = [f"{self.weights[name].origin}, as {name}" for name in sorted(self.weights.keys() - expected)]
        wrong_shapes = [
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
            + listing("wrong shape", wrong_shapes)
            + listing("not floating-point", integers)
        )
        if problems:
            raise ConversionError("The tensors do not form the model that config.json describes.", problems)

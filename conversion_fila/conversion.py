"""A conversion: planned from the headers of the files alone, then written tensor by tensor."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration

from .checkpoint_folder import unfinished_folder
from .errors import ConversionError, listing
from .formats import read_source
from .hub import find_source
from .initial_weights import fresh_weights, model_on_meta
from .model_card import write_model_card
from .options import ConversionOptions
from .parity import Parity, measure_parity
from .reading import Reading
from .shards import write_shards
from .targets import TARGETS, Target
from .token_rows import give_every_token_a_row, load_tokenizer
from .way_back import without_merging
from .weight_plan import HEAD
from .weights import FreshWeight


@dataclass
class Conversion:
    """
    A checkpoint that is ready to be written: every tensor of it is known, and fits.

    Args:
        reading: what is known of the source; its plan is complete.
        target: what is written.
        tokenizer: of the new model.
        options: what was asked for.
    """

    reading: Reading
    target: Target
    tokenizer: PreTrainedTokenizerBase
    options: ConversionOptions

    def key_map(self) -> str:
        """Every tensor that is written, where it comes from, and every tensor of the source that is not used."""
        written = [
            f"{self.target.written_name(name)}  {tuple(weight.shape)}  <-  {weight.origin}"
            for name, weight in self.reading.plan.weights.items()
        ]
        dropped = [f"{name}: {why}" for name, why in self.reading.plan.dropped.items()]
        dtype = str(self.reading.config.dtype).removeprefix("torch.")
        return (listing(f"written, in {dtype}", written) + listing("not used", dropped)).lstrip("\n")


def plan_conversion(name: str | Path, options: ConversionOptions) -> Conversion:
    """
    Reads a source as far as is needed to know every tensor of the result.

    Args:
        name: a folder or Hub id.

    Raises:
        `OSError`: if a file is missing or damaged.
        [`ConversionError`]: if the source cannot become the model that is asked for.
    """
    source = find_source(name, revision=options.revision, allow_pickle=options.allow_pickle)
    reading = read_source(source, options)
    if options.to == "llava-onevision":
        reading = without_merging(reading, options)
    plan, config = reading.plan, reading.config
    tokenizer = load_tokenizer(reading.tokenizer_folder, config.text_config)
    plan.settle_tied_head(config)
    give_every_token_a_row(config, plan, tokenizer)
    config.dtype = options.dtype or _dtype_of(reading)
    target = TARGETS[options.to]
    expected = _shapes(target, config)
    _initialise_the_rest(reading, expected, options.seed)
    plan.check(expected)
    plan.weights = {name: plan.weights[name] for name in expected}
    return Conversion(reading, target, tokenizer, options)


def write_conversion(conversion: Conversion, output: str | Path) -> Parity:
    """
    Writes the checkpoint; the folder has its name only when it is whole and answers as its source.

    Raises:
        `FileExistsError`: if `output` holds something.
        [`ConversionError`]: if the new model does not answer as its source.
    """
    reading, target, options = conversion.reading, conversion.target, conversion.options
    config, weights = reading.config, reading.plan.weights
    with unfinished_folder(output) as folder:
        target.save_beside_weights(folder, config, conversion.tokenizer)
        blocks = ((target.written_name(name), weight.blocks()) for name, weight in weights.items())
        shapes = {target.written_name(name): (weight.shape, config.dtype) for name, weight in weights.items()}
        write_shards(folder, blocks, shapes, options.max_shard_bytes)
        parity = _parity(conversion, folder)
        write_model_card(
            folder,
            to=options.to,
            config=config,
            sources=reading.sources,
            training=reading.training,
            parity=parity,
        )
    return parity


def _dtype_of(reading: Reading) -> torch.dtype | None:
    """The dtype of the main source, which must have one only: rounding is for the user to choose."""
    source, dropped = reading.sources[0], reading.plan.dropped
    used = [weight for weight in source.weights.values() if weight.origin not in dropped]
    dtypes = {weight.dtype for weight in used if weight.dtype.is_floating_point}
    if len(dtypes) > 1:
        names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
        raise ConversionError(f"The tensors of {source.name} are of several dtypes ({names}): give --dtype.")
    return dtypes.pop() if dtypes else None


def _shapes(target: Target, config: FilaVideoConfig) -> dict[str, torch.Size]:
    """Names and shapes of the weights that the target's class needs."""
    model = model_on_meta(target.model_class, target.config_of(config))
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        del shapes[HEAD]
    return shapes


def _initialise_the_rest(reading: Reading, names: Collection[str], seed: int) -> None:
    """Gives initial values to those weights that the source cannot have."""
    absent = {name for name in names if name.startswith(reading.fresh)} - reading.plan.weights.keys()
    values = fresh_weights(FilaVideoForConditionalGeneration, reading.config, absent, seed)
    for name, tensor in values.items():
        reading.plan.weights[name] = FreshWeight(tensor, "initialised here")


def _parity(conversion: Conversion, folder: Path) -> Parity:
    peer = conversion.reading.peer
    if not conversion.options.parity:
        return Parity(peer.name, not_run="it was not asked for.")
    num_parameters = sum(weight.shape.numel() for weight in conversion.reading.plan.weights.values())
    return measure_parity(
        conversion.target.model_class, folder, conversion.reading.config, conversion.tokenizer, peer, num_parameters
    )

"""Converts a checkpoint in two steps: a plan from the headers of its files, then the writing."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration

from .checkpoint_folder import unfinished_folder
from .errors import ConversionError, listing, named_errors
from .formats.detect_format import read_source
from .formats.find_source import find_source
from .formats.output_formats import OUTPUT_FORMATS, OutputFormat
from .formats.source_model import SourceModel
from .formats.source_tokenizer import load_tokenizer
from .formats.to_llava_onevision import without_scene_merging
from .model_card import license_of, write_model_card
from .options import ConversionOptions
from .output_names import TO_LLAVA_ONEVISION
from .parity import Parity, measure_parity
from .weights.grow_embeddings import grow_embeddings
from .weights.initial_weights import model_on_meta, named_initial_weights
from .weights.shards import write_shards
from .weights.weight import InitialWeight
from .weights.weight_plan import HEAD


@dataclass
class Conversion:
    """
    A checkpoint that is ready to be written. The source of every weight is known, and every shape fits.

    Args:
        source: The source, with a complete plan.
        output_format: Format to write.
        tokenizer: Tokenizer of the new model.
        options: Options of the conversion.
    """

    source: SourceModel
    output_format: OutputFormat
    tokenizer: PreTrainedTokenizerBase
    options: ConversionOptions

    def key_map(self) -> str:
        """Lists every tensor that is written, with its origin, and every tensor of the source that is not used."""
        plan = self.source.plan
        written = [
            f"{self.output_format.written_name(name)}  {tuple(weight.shape)}  <-  {weight.origin}"
            for name, weight in plan.weights.items()
        ]
        dropped = [f"{name}: {reason}" for name, reason in plan.dropped.items()]
        dtype = str(self.source.config.dtype).removeprefix("torch.")
        return (listing(f"written, in {dtype}", written) + listing("not used", dropped)).lstrip("\n")


def plan_conversion(name: str | Path, options: ConversionOptions) -> Conversion:
    """
    Reads the headers of a source and finds the origin of every weight of the result.

    Args:
        name: Folder or Hub id of the source.
        options: Options of the conversion.

    Raises:
        OSError: If a file is missing or damaged.
        ConversionError: If the source cannot become the model that the options describe.
    """
    with named_errors(str(name)):
        return _plan(name, options)


def _plan(name: str | Path, options: ConversionOptions) -> Conversion:
    files = find_source(name, revision=options.revision, allow_pickle=options.allow_pickle)
    source = read_source(files, options)
    for each in source.sources:
        license_of(each)  # A card that cannot be read is an error now, not after the weights are written.
    if options.to == TO_LLAVA_ONEVISION:
        source = without_scene_merging(source, options)
    plan, config = source.plan, source.config
    tokenizer = load_tokenizer(source.tokenizer_folder, config.text_config)
    plan.drop_tied_head(config)
    grow_embeddings(config, plan, tokenizer)
    config.dtype = options.dtype or _dtype_of(source)
    output_format = OUTPUT_FORMATS[options.to]
    expected = _expected_shapes(output_format, config)
    _add_initial_weights(source, expected, options.seed)
    plan.check(expected)
    plan.weights = {name: plan.weights[name] for name in expected}
    return Conversion(source, output_format, tokenizer, options)


def write_conversion(conversion: Conversion, output: str | Path) -> Parity:
    """
    Writes the checkpoint. The folder gets its name only when it is complete and answers like its source.

    Args:
        conversion: The checkpoint to write.
        output: Folder that does not exist yet, or that is empty.

    Returns:
        The comparison with the source.

    Raises:
        FileExistsError: If `output` is not empty.
        ConversionError: If the new model does not answer like its source.
    """
    source, output_format, options = conversion.source, conversion.output_format, conversion.options
    with unfinished_folder(output) as folder, named_errors(source.sources[0].name):
        output_format.save_config_and_processor(folder, source.config, conversion.tokenizer)
        weights = {output_format.written_name(name): weight for name, weight in source.plan.weights.items()}
        shapes = {name: (weight.shape, source.config.dtype) for name, weight in weights.items()}
        tensors = ((name, weight.read()) for name, weight in weights.items())
        write_shards(folder, tensors, shapes, options.max_shard_bytes)
        parity = _compare(conversion, folder)
        write_model_card(
            folder,
            to=options.to,
            config=source.config,
            sources=source.sources,
            training=source.training,
            parity=parity,
        )
    return parity


def _dtype_of(source: SourceModel) -> torch.dtype | None:
    """Returns the dtype of the main source. If it has several, the user has to choose, because one loses precision."""
    files, dropped = source.sources[0], source.plan.dropped
    used = [weight for weight in files.weights.values() if weight.origin not in dropped]
    dtypes = {weight.dtype for weight in used if weight.dtype.is_floating_point}
    if len(dtypes) > 1:
        names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
        raise ConversionError(f"The tensors of {files.name} have several dtypes ({names}): choose one with --dtype.")
    return dtypes.pop() if dtypes else None


def _expected_shapes(output_format: OutputFormat, config: FilaVideoConfig) -> dict[str, torch.Size]:
    """Returns names and shapes of the weights that the output format's class needs."""
    model = model_on_meta(output_format.model_class, output_format.config_of(config))
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        del shapes[HEAD]
    return shapes


def _add_initial_weights(source: SourceModel, names: Collection[str], seed: int) -> None:
    """Gives initial values to the weights that the source cannot have."""
    absent = {name for name in names if name.startswith(source.new_weights)} - source.plan.weights.keys()
    values = named_initial_weights(FilaVideoForConditionalGeneration, source.config, absent, seed)
    for name, tensor in values.items():
        source.plan.weights[name] = InitialWeight(tensor)


def _compare(conversion: Conversion, folder: Path) -> Parity:
    source = conversion.source
    if not conversion.options.parity:
        return Parity(source.reference.name, not_run="it was not requested.")
    num_parameters = sum(weight.shape.numel() for weight in source.plan.weights.values())
    return measure_parity(
        conversion.output_format.model_class,
        folder,
        source.config,
        conversion.tokenizer,
        source.reference,
        num_parameters,
    )

"""Gradient checkpointing: blocks compute their activations again in the backward pass instead of keeping them."""

from transformers import PreTrainedModel


def enable_gradient_checkpointing(model: PreTrainedModel) -> None:
    """
    Turns gradient checkpointing on for all blocks of a model.

    It uses the variant that is not reentrant: the reentrant one gives no gradients where the input of a block has none,
    as behind a frozen part.
    """
    # transformers 5.18 renamed the methods; both names are supported.
    name = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{name}_checkpointing_enable")({"use_reentrant": False})


def disable_gradient_checkpointing(model: PreTrainedModel) -> None:
    """Turns gradient checkpointing off."""
    name = "activation" if hasattr(model, "activation_checkpointing_disable") else "gradient"
    getattr(model, f"{name}_checkpointing_disable")()

"""A checkpoint for the tests of the pipeline."""

from pathlib import Path

import pytest
from transformers import AutoModelForImageTextToText, AutoProcessor

from convert_checkpoint import convert_checkpoint


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """A checkpoint saved by transformers. Its weights are so large that answers depend on video and question."""
    base = tmp_path_factory.mktemp("checkpoint")
    convert_checkpoint("scratch:tiny", base / "untrained")
    model = AutoModelForImageTextToText.from_pretrained(base / "untrained")
    for name, weight in model.named_parameters():
        if "language_model.layers" in name and weight.ndim == 2:
            weight.data *= 8
    model.save_pretrained(base / "saved")
    AutoProcessor.from_pretrained(base / "untrained").save_pretrained(base / "saved")
    return base / "saved"

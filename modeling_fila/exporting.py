# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""What differs while `torch.export` records the model.

A recorded program has fixed shapes and no branches that depend on values. So checks of values become checks inside the
program, which run each time it is called.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch


def is_exporting() -> bool:
    """Whether `torch.export` records the model now. PyTorch 2.6 cannot tell, so the model cannot be exported there."""
    found = getattr(torch.compiler, "is_exporting", None)
    return found is not None and found()


def check_in_program(condition: torch.Tensor, message: str) -> None:
    """Makes the exported program raise a `RuntimeError` with this message if a bool tensor without axes is false."""
    # `torch._check` is recorded without its message, and would make the program wait for the device.
    torch._assert_async(condition, message)


def draw_as_constant(draw: Callable[[], torch.Tensor]) -> torch.Tensor:
    """Returns random numbers that do not depend on the inputs, as a constant of the exported program.

    Args:
        draw: Returns the numbers, on the CPU.
    """
    # While a model is recorded, tensors have no values. This holds for the thread that records it only.
    with ThreadPoolExecutor(1) as other_thread:
        numbers, dtype = other_thread.submit(lambda: ((drawn := draw()).tolist(), drawn.dtype)).result()
    return torch.tensor(numbers, dtype=dtype, device="cpu")

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
"""The parts of a processor that a user need not give."""

from pathlib import Path

from transformers import LlavaOnevisionImageProcessor

from .video_processing_fila_video import FilaVideoVideoProcessor


def default_image_processor(video_processor: FilaVideoVideoProcessor) -> LlavaOnevisionImageProcessor:
    """LLaVA-OneVision's, with the size and normalization of the video processor: its own are CLIP's, not SigLIP's."""
    side = video_processor.size["height"]
    return LlavaOnevisionImageProcessor(
        size={"height": side, "width": side},
        image_grid_pinpoints=[[rows * side, columns * side] for rows in range(1, 7) for columns in range(1, 7)],
        image_mean=video_processor.image_mean,
        image_std=video_processor.image_std,
    )


def default_chat_template() -> str | None:
    """Returns the template in this folder, or None in a checkpoint, whose own template transformers reads."""
    path = Path(__file__).with_name("chat_template.jinja")
    return path.read_text(encoding="utf-8") if path.is_file() else None

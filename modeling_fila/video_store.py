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
"""Asks many questions about a video that is read, encoded and prefilled once.

The store keeps two things. Features are what `get_video_features` returned. A prefix is what the language model
computed for a prompt, which the next prompt uses as far as the two are equal: the system turn, the videos, their times.

Shape letters: V videos, B prompts, T tokens of a prompt.
"""

import json
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import DynamicCache

from .bounded_store import BoundedStore
from .model_identity import ModelIdentity, digest_of, identify
from .modeling_compat import CACHE_NAME
from .outputs import FilaVideoFeatures
from .prompt_prefixes import Medium, Prefix, find_media, is_plain, prefix_of, shared_length
from .repeated_videos import encode_missing, features_on, join_videos
from .scene_options import with_scene_options
from .time_embeddings import with_scene_times
from .video_generation import MEDIA_INPUTS


FEATURES_FILE = "video_features.safetensors"
# A prefix is replaced by a longer one only if that saves this share of the work of the next question.
WORTH_KEEPING = 1 / 8
# What is remembered of a file: its digest, or the indices and times of the sampled frames.
MAX_FILES = 4096


class VideoStore:
    """
    Features of videos and prefixes of prompts, for many questions about the same videos.

    The pipeline has a store of its own. For a loop of your own:

    ```python
    >>> store = VideoStore()
    >>> for question in questions:
    ...     inputs = processor.apply_chat_template(conversation_about(question), ...).to(model.device)
    ...     output = store.generate(model, **inputs, max_new_tokens=64)
    ```

    Features are found by a digest of the pixels, the options of the scene selection, the configuration and the weights
    that encode videos. Prefixes are found by the tokens of the prompt and the videos in it, for one model object in
    this process. A model in training mode, or with gradients enabled, gets nothing from the store. Several threads may
    use a store.

    Args:
        max_entries (`int`, *optional*, defaults to 64): Largest number of videos and prefixes.
        max_bytes (`int`, *optional*, defaults to 2 GiB): Largest size of all of them. What was not used for the longest
            time is forgotten first.
        device (`str`, *optional*, defaults to `"cpu"`): Where they are kept; `None` leaves them on the model's device.
        keeps_prefixes (`bool`, *optional*, defaults to `True`): Whether to keep prefixes, or only features.
    """

    def __init__(
        self,
        max_entries: int = 64,
        max_bytes: int = 2 * 2**30,
        device: str | torch.device | None = "cpu",
        keeps_prefixes: bool = True,
    ):
        self.device, self.keeps_prefixes = device, keeps_prefixes
        self._entries = BoundedStore(max_entries, max_bytes)
        #: What the processor remembers of files, so that it need not read them again: metadata without frames.
        self.files = BoundedStore(MAX_FILES, MAX_FILES)

    def __reduce__(self):
        """Another process gets an empty store."""
        return type(self), (*self.limits, self.device, self.keeps_prefixes)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} entries, {self.num_bytes / 2**20:.1f} MiB)"

    @property
    def num_bytes(self) -> int:
        """Bytes of all features and prefixes."""
        return self._entries.num_bytes

    @property
    def limits(self) -> tuple[int, int]:
        """The largest number of entries, and of bytes."""
        return self._entries.max_entries, self._entries.max_bytes

    def entries(self) -> list[tuple[Hashable, FilaVideoFeatures | Prefix]]:
        """Returns all keys with their features or prefixes, the one used last at the end."""
        return self._entries.items()

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()
        self.files.clear()

    # --- features ----------------------------------------------------------------------------------------------------

    def get_video_features(
        self,
        model: Any,
        pixel_values_videos: torch.Tensor,
        video_frame_mask: torch.Tensor | None = None,
        scene_options: dict[str, Any] | None = None,
    ) -> FilaVideoFeatures:
        """
        Returns what `model.get_video_features` returns, and encodes only videos that the store does not have.

        The times of scenes are not part of it: give `frame_time_ids` and `times_are_interleaved` to `generate`.
        """
        inputs = {"pixel_values_videos": pixel_values_videos, "video_frame_mask": video_frame_mask}
        inputs = {name: value for name, value in inputs.items() if value is not None}
        contents = _digests_of_rows(**inputs)
        return self.encode(model, contents, lambda rows: _rows(inputs, rows), scene_options)[0]

    def encode(
        self,
        model: Any,
        contents: Sequence[str],
        inputs_of: Callable[[list[int]], dict[str, torch.Tensor]],
        scene_options: dict[str, Any] | None = None,
        known: dict[Hashable, FilaVideoFeatures] | None = None,
    ) -> tuple[FilaVideoFeatures, list[Hashable]]:
        """
        Returns the features of V videos and their keys, for callers that recognize videos by other means than pixels.

        Args:
            model: A FiLA-Video model.
            contents: For each video a digest of all that its pixels are made of.
            inputs_of: Returns the arguments of `get_video_features` for the videos with these indices. It is called
                only for videos that have to be encoded.
            scene_options: As in `get_video_features`.
            known: Features of some keys. It is changed to hold those of these videos.
        """
        keys = self.feature_keys(model, contents, scene_options)
        found = {} if known is None else dict(known)
        found |= {key: value for key in keys if (value := self._entries.get(key)) is not None}
        found = {key: features_on(value, model.device) for key, value in found.items() if key in keys}

        def encode(rows: list[int]) -> FilaVideoFeatures:
            return model.get_video_features(**inputs_of(rows), scene_options=scene_options, return_dict=True)

        new = encode_missing(keys, found, encode)
        if self._serves(model):
            for key, features in new.items():
                kept = features_on(features, self.device)
                self._entries.put(key, kept, _num_bytes(kept))
        found |= new
        if known is not None:
            known.clear()
            known.update(found)
        return join_videos([found[key] for key in keys]), keys

    def feature_keys(
        self, model: Any, contents: Sequence[str], scene_options: dict[str, Any] | None = None
    ) -> list[Hashable]:
        """Returns the keys of videos with these digests. A model that the store does not serve has keys of its own."""
        identity = self._identity(model)
        if identity is None:
            return [("not kept", content) for content in contents]
        config = with_scene_options(model.config, scene_options).to_json_string(use_diff=False)
        dtype = str(model.dtype)
        return [digest_of(content, config, dtype, identity.vision) for content in contents]

    def put_features(
        self, model: Any, content: str, features: FilaVideoFeatures, scene_options: dict[str, Any] | None = None
    ) -> Hashable:
        """Keeps the features of one video, without times, and returns its key. `content` is that of `encode`."""
        key = self.feature_keys(model, [content], scene_options)[0]
        if self._serves(model):
            kept = features_on(features, self.device)
            self._entries.put(key, kept, _num_bytes(kept))
        return key

    def find_features(self, key: Hashable) -> FilaVideoFeatures | None:
        """Returns the features of a key, on the device of the store, or None."""
        return self._entries.get(key)

    # --- answers -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def generate(
        self,
        model: Any,
        *,
        scene_options: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """
        Returns what `model.generate(**arguments)` returns, with videos and prefixes from the store.

        Args:
            model: A FiLA-Video model with a language modeling head.
            scene_options: As in `get_video_features`.
            arguments: The output of the processor, on the model's device, and arguments of `generate`.
        """
        if arguments.get("pixel_values_videos") is None or arguments.get("assistant_model") is not None:
            return model.generate(**arguments)
        inputs = {name: arguments.pop(name, None) for name in ("pixel_values_videos", "video_frame_mask")}
        inputs = {name: value for name, value in inputs.items() if value is not None}
        contents = _digests_of_rows(**inputs)
        features, keys = self.encode(model, contents, lambda rows: _rows(inputs, rows), scene_options)
        return self.generate_about(model, features, keys, arguments)

    def generate_about(
        self, model: Any, features: FilaVideoFeatures, keys: Sequence[Hashable], arguments: dict[str, Any]
    ) -> Any:
        """
        Returns what `generate` returns for prompts about videos with these features, which have these keys.

        The prefix is used for a single prompt without padding; everything else gets the features alone.
        """
        times = arguments.pop("frame_time_ids", None), arguments.pop("times_are_interleaved", None)
        features = with_scene_times(features, *times, model.get_input_embeddings())
        arguments = {**arguments, "mm_encoder_outputs": {"video": features}}
        identity = self._identity(model)
        if not self.keeps_prefixes or identity is None or not _is_single_prompt(arguments):
            return model.generate(**arguments)
        num_placeholders = int((arguments["input_ids"] == model.config.video_token_id).sum())
        is_wrong = num_placeholders != sum(map(len, cast(list, features.pooler_output)))  # an error of the model
        if is_wrong or not is_plain(arguments, model.generation_config):
            return model.generate(**arguments)
        return self._generate_from_prefix(model, identity, _media(model, features, keys, arguments), arguments)

    def _generate_from_prefix(
        self, model: Any, identity: ModelIdentity, media: list[Medium], arguments: dict[str, Any]
    ) -> Any:
        input_ids = arguments["input_ids"][0].cpu()
        prefix, length = self._longest_prefix(identity, input_ids, media)
        config = model.config.get_text_config(decoder=True)
        cache = DynamicCache(config=config) if prefix is None else prefix.cache(length, config, model.device)
        output = model.generate(**_without_media_before(length, media, arguments), **{CACHE_NAME: cache})
        if len(input_ids) - length > WORTH_KEEPING * len(input_ids):
            made = prefix_of(cache, input_ids, media, self.device)
            if made is not None:
                self._entries.put((identity.whole, tuple(media)), made, made.num_bytes)
        return output

    def _longest_prefix(
        self, identity: ModelIdentity, input_ids: torch.Tensor, media: list[Medium]
    ) -> tuple[Prefix | None, int]:
        """Returns the prefix that saves most, and how many of its tokens can be used."""
        best: tuple[Hashable, int] = (None, 0)
        for key, prefix in self._entries.items():
            if isinstance(prefix, Prefix) and cast(tuple, key)[0] == identity.whole:
                length = shared_length(input_ids, media, prefix)
                best = max(best, (key, length), key=lambda pair: pair[1])
        return (self._entries.get(best[0]), best[1]) if best[1] else (None, 0)

    def _identity(self, model: Any) -> ModelIdentity | None:
        return identify(model) if self._serves(model) else None

    @staticmethod
    def _serves(model: Any) -> bool:
        """Features of a model in training are those of a moment, and carry gradients."""
        return not model.training and not torch.is_grad_enabled()

    # --- files -------------------------------------------------------------------------------------------------------

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Saves the features, but not the prefixes, as one safetensors file in a folder."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        features = {key: value for key, value in self._entries.items() if isinstance(value, FilaVideoFeatures)}
        tensors = {}
        for key, video in features.items():
            tensors[f"{key}.tokens"] = cast(list, video.pooler_output)[0].contiguous()
            tensors[f"{key}.frames"] = cast(torch.Tensor, video.scene_frame_indices).contiguous()
            tensors[f"{key}.representatives"] = cast(torch.Tensor, video.scene_representatives).contiguous()
        save_file(tensors, folder / FEATURES_FILE, metadata={"format": "pt", "keys": json.dumps(list(features))})

    @classmethod
    def from_pretrained(cls, pretrained_directory: str | Path, **kwargs: Any) -> "VideoStore":
        """
        Loads the features that `save_pretrained` saved. A model with the same weights finds them.

        Args:
            pretrained_directory: The folder.
            kwargs: Arguments of this class.

        Raises:
            OSError: If the folder has no such file.
        """
        store = cls(**kwargs)
        path = Path(pretrained_directory) / FEATURES_FILE
        if not path.is_file():
            raise OSError(
                f"{pretrained_directory} has no file {FEATURES_FILE}, which VideoStore.save_pretrained writes."
            )
        device = "cpu" if store.device is None else str(store.device)
        with safe_open(path, framework="pt", device=device) as file:
            for key in json.loads(file.metadata()["keys"]):
                features = FilaVideoFeatures(
                    pooler_output=[file.get_tensor(f"{key}.tokens")],
                    scene_frame_indices=file.get_tensor(f"{key}.frames"),
                    scene_representatives=file.get_tensor(f"{key}.representatives"),
                )
                store._entries.put(key, features, _num_bytes(features))
        return store


def _rows(inputs: dict[str, torch.Tensor], rows: list[int]) -> dict[str, torch.Tensor]:
    """Returns the inputs of the videos with these indices; all of them as they are, without a copy."""
    if rows == list(range(len(inputs["pixel_values_videos"]))):
        return inputs
    return {name: tensor[rows] for name, tensor in inputs.items()}


def _digests_of_rows(pixel_values_videos: torch.Tensor, video_frame_mask: torch.Tensor | None = None) -> list[str]:
    """Returns the digest of the pixels of each video, without the padding of shorter videos."""
    if video_frame_mask is None:
        return [digest_of(pixels) for pixels in pixel_values_videos]
    counts = video_frame_mask.sum(1).tolist()
    return [digest_of(pixels[:count]) for pixels, count in zip(pixel_values_videos, counts, strict=True)]


def _num_bytes(features: FilaVideoFeatures) -> int:
    tensors = [*cast(list, features.pooler_output), features.scene_frame_indices, features.scene_representatives]
    return sum(tensor.nbytes for tensor in tensors)


def _is_single_prompt(arguments: dict[str, Any]) -> bool:
    """Whether there is one prompt, in tokens and without padding."""
    input_ids, mask = arguments.get("input_ids"), arguments.get("attention_mask")
    return input_ids is not None and len(input_ids) == 1 and (mask is None or (mask.ndim == 2 and bool(mask.all())))


def _media(
    model: Any, features: FilaVideoFeatures, keys: Sequence[Hashable], arguments: dict[str, Any]
) -> list[Medium]:
    """Returns the videos and images of a prompt. All images together count as one."""
    input_ids = arguments["input_ids"][0]
    tokens = cast(list, features.pooler_output)
    times: list[Any] = [None] * len(tokens)
    if features.scene_time_ids is not None:
        layouts = cast(torch.Tensor, features.times_are_interleaved).tolist()
        times = list(zip(features.scene_time_ids.tolist(), layouts, strict=True))
    names = [digest_of(key, time) for key, time in zip(keys, times, strict=True)]
    media = find_media(input_ids, model.config.video_token_id, [len(video) for video in tokens], names)
    images = [arguments[name] for name in MEDIA_INPUTS["image"] if arguments.get(name) is not None]
    if images:
        num_placeholders = int((input_ids == model.config.image_token_id).sum())
        media += find_media(input_ids, model.config.image_token_id, [num_placeholders], [digest_of(*images)])
    return media


def _without_media_before(length: int, media: list[Medium], arguments: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the videos and images of the first `length` tokens: they are in the cache."""
    tokens = cast(list, arguments["mm_encoder_outputs"]["video"].pooler_output)
    rest = [video for video, medium in zip(tokens, media, strict=False) if medium.start >= length]
    kept = {name: value for name, value in arguments.items() if name != "mm_encoder_outputs"}
    if rest:
        kept["mm_encoder_outputs"] = {"video": FilaVideoFeatures(pooler_output=rest)}
    if len(media) > len(tokens) and media[-1].start < length:
        kept = {name: value for name, value in kept.items() if name not in MEDIA_INPUTS["image"]}
    return kept

"""
Trains a stage in several processes with FSDP2; test_distributed.py runs this under torchrun.

accelerate supports FSDP only on GPUs. transformers' own FSDP2, which shards while loading, runs on CPUs too. As in
fila_video/training/accelerate/fsdp2.yaml, each layer of the language model is a unit, and the rest is one more.
"""

import os
import sys

from transformers.distributed import DistributedConfig

from fila_video.training.run import build_trainer, save_result
from fila_video.training.stage_config import load_stage


LAYERS = {"model.language_model.layers.*": "free_full_weight"}


def main() -> None:
    name, *overrides = sys.argv[1:]
    sharding = DistributedConfig(fsdp_size=int(os.environ["WORLD_SIZE"]), fsdp_plan=LAYERS)
    trainer = build_trainer(load_stage(name, overrides), distributed_config=sharding)
    kinds = {type(parameter).__name__ for parameter in trainer.model.parameters()}
    if kinds != {"DTensor"}:
        raise RuntimeError(f"The parameters are not sharded: {kinds}.")
    trainer.train()
    save_result(trainer)


if __name__ == "__main__":
    main()

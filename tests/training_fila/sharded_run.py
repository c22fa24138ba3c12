"""
A stage trained by several processes with FSDP2: run by test_distributed.py under torchrun.

accelerate knows FSDP on GPUs only; transformers' own FSDP2, which shards while loading, runs on processors too. The
plan is that of training_fila/accelerate/fsdp2.yaml: the language model's layers, and all the rest in one unit.
"""

import os
import sys

from transformers.distributed import DistributedConfig

from training_fila.run import build_trainer, save_result
from training_fila.stage_config import load_stage


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

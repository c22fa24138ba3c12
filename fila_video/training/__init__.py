"""The four training stages of FiLA-Video (sections 3.4 and 4.1, Table 4), on transformers' Trainer: docs/train.md.

Reading order: `stage_config.py` (what a stage is), `run.py` (how a stage runs), `data/` (from records to batches),
`model/` (what is trained, and how), `trainer.py` (the training loop), `plan/` (how much memory a stage needs).
"""

"""The four training stages of FiLA-Video (section 3.4, 4.1, Table 4), on transformers' Trainer: docs/train.md."""

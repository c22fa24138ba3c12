"""The model in training.

Reading order: `load_model.py` (the model that a stage starts from), `trained_parts.py` (what is trained, at which
learning rate), `lora.py`, `muon.py`, `gradient_checkpointing.py`, `zero_gradients.py` and `cpu_attention.py` (how it is
trained), `merging_weights.py` (what training changed in the merging weights).
"""

"""How much memory a stage needs, computed before it runs.

Reading order: `plan_stage.py` (the table that `--plan` prints), `memory_plan.py` (weights, gradients and optimizer
state), `activations.py` (what the backward pass needs).
"""

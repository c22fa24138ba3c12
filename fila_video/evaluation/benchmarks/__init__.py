"""The paper's benchmarks (Table 1), through lmms-eval: a model for it, a command that runs its tasks, and tables."""

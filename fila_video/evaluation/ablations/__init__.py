"""The paper's ablations, on the drawn world: each variant is trained from the same checkpoint with several seeds."""

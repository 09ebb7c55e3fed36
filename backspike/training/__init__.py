"""Training: epochs over a dataset with any engine, checkpoints, and the float network beside them."""

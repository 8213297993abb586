"""Weights & Biases: the only room that knows the wandb package. It reads; it never starts or changes a run."""

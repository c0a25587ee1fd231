"""The one training loop, its optimiser, checkpoints. It emits events; it prints and draws nothing."""

"""The one training loop, losses by name, checkpoints. It emits events; it prints and draws nothing."""

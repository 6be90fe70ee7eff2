"""The trainer: optimizer, schedule, loop, checkpoints and the processes that share a training."""

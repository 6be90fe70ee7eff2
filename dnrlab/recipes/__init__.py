"""What a training is, as values."""

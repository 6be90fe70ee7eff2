"""Many trainings as one question."""

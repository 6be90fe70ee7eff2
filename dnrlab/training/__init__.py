"""Recipes, schedule, loop and checkpoints."""

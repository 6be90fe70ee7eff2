"""Recipes: all settings of a training, as values."""

"""Helpers of Colab notebooks, for code that was written there."""

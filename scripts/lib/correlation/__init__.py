"""Correlation: how two prediction-market contracts move together, read from their titles."""

"""Mamba: predict the vector of an article's next passage, and retrieve the passage."""

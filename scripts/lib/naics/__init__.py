"""The NAICS pipeline: an industry taxonomy in hyperbolic space."""

"""Incident tickets: who belongs together, which pairs teach it, and how it is measured."""

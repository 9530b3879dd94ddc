"""Beliefs: which sensor and source a reading belongs to, and the assets that have them."""

"""The log of samples: every sample that was stored, once, by thing, device and time."""

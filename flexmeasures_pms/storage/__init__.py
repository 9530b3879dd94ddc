"""Telemetry at rest: beliefs, the quarantine, and which board reported what."""

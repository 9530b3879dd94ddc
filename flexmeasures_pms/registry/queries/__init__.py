"""Questions about the registry beside those that telemetry asks."""

"""Questions about the registry besides those that telemetry asks."""

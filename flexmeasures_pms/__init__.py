"""Battery pack telemetry and the registry behind it, for FlexMeasures."""

__version__ = "0.1.0"

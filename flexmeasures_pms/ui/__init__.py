"""The pages that the plugin adds to FlexMeasures."""

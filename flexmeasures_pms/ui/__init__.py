"""What the plugin adds to FlexMeasures' pages."""

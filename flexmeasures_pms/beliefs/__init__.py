"""FlexMeasures' assets, sensors and sources, and which of them a reading belongs to."""

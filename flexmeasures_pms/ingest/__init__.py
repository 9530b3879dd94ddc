"""The pipeline of a sample: resolve it, then write it or put it into quarantine."""

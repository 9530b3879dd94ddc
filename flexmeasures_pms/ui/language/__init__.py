"""The language of pages: words, figures, and sentences about faults."""

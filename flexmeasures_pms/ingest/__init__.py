"""The line that a sample takes: resolved, written, or put into quarantine."""

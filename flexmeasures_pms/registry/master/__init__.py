"""Products, parties, batches and origins: records, what may be said of them, reading them."""

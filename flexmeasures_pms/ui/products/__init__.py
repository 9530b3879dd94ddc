"""What the pages of products, batches and parties have in common."""

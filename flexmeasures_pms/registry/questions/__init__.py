"""What people ask of products, batches and suppliers: where, how old, how often swapped."""

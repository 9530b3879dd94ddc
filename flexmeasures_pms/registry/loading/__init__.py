"""Reading the registry: the part near the ids of a request, or all of it."""

"""What the registry's pages show and take, without HTML and without routes."""

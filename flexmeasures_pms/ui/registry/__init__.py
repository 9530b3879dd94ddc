"""The registry's forms and views, without HTML and without routes."""

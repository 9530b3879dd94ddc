"""Texts of pages: translations, figures, and sentences about findings."""

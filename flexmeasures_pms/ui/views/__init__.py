"""The pages, one file each. Every one is imported here, which puts it on the blueprint."""

from flexmeasures_pms.ui.views import nowhere

__all__ = ["nowhere"]

"""The pages, one file each. Every one is imported here, which puts it on the blueprint."""

from flexmeasures_pms.ui.views import heatmap, nowhere

__all__ = ["heatmap", "nowhere"]

"""Parties, products and batches as they are written in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from flexmeasures_pms.registry.messages.message import Renderer, TrackableText, message_form

PARTY = message_form("party")
PRODUCT = message_form("product")
BATCH = message_form("batch")


@dataclass(frozen=True, slots=True)
class RecordText(TrackableText):
    """A party, product or batch by its name."""

    def render(self, renderer: Renderer) -> str:
        """Return such as ``product ACME P48 C``."""
        return f"{renderer.word(self.kind)} {self.ident}"

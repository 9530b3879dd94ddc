"""What pages and API show of a site, as codes and numbers, without HTML."""

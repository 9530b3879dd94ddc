"""What is seen of a site: codes and numbers, without a word of HTML."""

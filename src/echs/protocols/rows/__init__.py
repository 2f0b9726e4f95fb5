"""Records that are rows of texts: how they are kept, and judged by their columns."""

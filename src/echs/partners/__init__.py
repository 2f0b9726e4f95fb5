"""Who takes part, which ids each partner owns, and how it proves who it is."""

"""What keeps a store in order for years: is everything as it must be, copies of it, and an end for what is old."""

"""The settings, and the context that every operation is handed, made from them."""

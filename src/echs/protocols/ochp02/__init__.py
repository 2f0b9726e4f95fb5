"""OCHP 0.2, as specified: its messages, its names, its codes."""

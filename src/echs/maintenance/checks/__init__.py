"""The checks of `echs verify`, one file a subject."""

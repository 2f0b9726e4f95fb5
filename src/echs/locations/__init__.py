"""The charge point list: where one can charge."""

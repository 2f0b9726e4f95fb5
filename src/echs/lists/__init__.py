"""The engine under the lists that partners publish: versions, look-ups, drawn files."""

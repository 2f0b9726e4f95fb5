"""What must hold of a store, one file a subject; `echs.upkeep.verification` goes through all of it."""

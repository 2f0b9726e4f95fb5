"""What every folder stands on: errors, fields, database, clock, ids. Knows no business."""

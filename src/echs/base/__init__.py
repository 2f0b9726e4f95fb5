"""The ground floor: errors, fields, database, clock, ids. Knows no business."""

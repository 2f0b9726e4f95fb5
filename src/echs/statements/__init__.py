"""What a partner is told about a clearing run: the statement as PDF and as CSV, and the link that opens it."""

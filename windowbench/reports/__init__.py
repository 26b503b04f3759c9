"""What a reader gets to see: the text summary (pure), later plots and pages."""

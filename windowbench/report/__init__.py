"""What a finished run or comparison says, as text, Markdown and page."""

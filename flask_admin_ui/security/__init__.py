"""Who is asking, what they may see, and what a browser is told to forbid."""

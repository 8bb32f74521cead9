"""Python: programs, and cells of a live session, which have the machinery of IPython and show what they show through the service."""

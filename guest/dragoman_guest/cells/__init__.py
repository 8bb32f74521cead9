"""Python cells of a live session: IPython's machinery, with everything it shows sent to the service within bounds."""

"""Tables as data, as LaTeX and as HTML."""

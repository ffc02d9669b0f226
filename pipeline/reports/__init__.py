"""Parts of the picture pages."""

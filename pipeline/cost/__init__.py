"""What tables cost before anything runs."""

"""What runs on a node: one module for each kind of job."""

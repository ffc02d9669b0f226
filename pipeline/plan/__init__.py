"""What each kind of job reads, writes and depends on; no torch, no Snakemake."""

"""Every contact with Snakemake."""

"""One file per method, found by its name: `pipeline.methods.<name>.STAGES` maps stage names to classes."""

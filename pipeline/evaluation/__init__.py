"""How a generator is measured: metrics, intervals, enlarging."""

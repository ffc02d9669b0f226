"""The luma of DADA's code, for whoever needs it: PSNR, figures, discriminators."""

# Weights of R, G, B in 1/256: BT.601's limited range without its offset, so white is 0.8588.
LUMA = (65.738, 129.057, 25.064)

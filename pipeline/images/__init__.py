"""Pictures: reading and writing, crops, tiles, blur kernels."""

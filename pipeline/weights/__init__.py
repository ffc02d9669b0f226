"""Network files: checkpoints of ours, pretrained files of others."""

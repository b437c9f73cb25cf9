"""Released checkpoints in and out; export of backbones."""

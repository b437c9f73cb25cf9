"""Safe reading and writing: images, checkpoints, downloads, logs, disk errors."""

"""What the command-line tools share: flags, config loading, error messages."""

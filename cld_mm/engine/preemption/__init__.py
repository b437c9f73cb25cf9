"""Save and stop on a signal, during training or evaluation."""

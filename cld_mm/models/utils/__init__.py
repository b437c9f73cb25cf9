"""What several algorithms need: momentum encoder, shuffled BatchNorm, weights."""

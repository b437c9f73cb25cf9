"""Samplers whose indices carry the seed of each sample's augmentation."""

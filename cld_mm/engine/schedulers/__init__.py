"""Learning-rate schedules beside mmengine's."""

from .warmup_cosine import WarmupCosineLR

__all__ = ['WarmupCosineLR']

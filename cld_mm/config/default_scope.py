"""The default registry scope, for code that builds parts without a Runner."""

from mmengine.config import Config
from mmengine.registry import DefaultScope


def enter_scope(cfg: Config) -> None:
    """Resolve names in the config as a run of it would."""
    scope = cfg.get('default_scope') or 'cld_mm'
    if DefaultScope.get_current_instance() is None:
        DefaultScope.get_instance('cld_mm', scope_name=scope)

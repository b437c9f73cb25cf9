"""secure_mmengine: let mmengine read files from others without running them.

mmengine 0.10 reads ``.yaml`` with PyYAML's unsafe loader, ``.pkl`` with pickle, and
checkpoints from URLs over plain http with torch.hub's unpickler. The command-line tools
call :func:`secure_mmengine` first; ``import cld_mm`` alone changes nothing.
"""

from mmengine.fileio import register_handler
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from .checkpoint_loading import load_from_https, load_from_local, refuse
from .plain_file_handlers import PlainPickleHandler, PlainYamlHandler


def secure_mmengine() -> None:
    """Replace mmengine's readers of checkpoints, YAML and pickle files (idempotent).

    Afterwards, in this process: checkpoints load with ``weights_only=True`` from local
    files and from https with a digest; YAML and pickle files give plain values and
    NumPy arrays only.
    """
    register = CheckpointLoader.register_scheme
    register(prefixes='', loader=load_from_local, force=True)
    register(('http://', 'https://'), loader=load_from_https, force=True)
    register('pavi://', loader=refuse, force=True)
    # Called by name for torchvision://, openmmlab:// and similar schemes.
    mmengine_checkpoint.load_from_http = load_from_https
    register_handler(['yaml', 'yml'])(PlainYamlHandler)
    register_handler(['pickle', 'pkl'])(PlainPickleHandler)

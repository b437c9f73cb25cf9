"""Forms for runtimes: ONNX and torch.export."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from cld_mm.models.layers import pooled

from .export_form import Encoder, Export
from .source_backbone import SourceBackbone


class PooledBackbone(nn.Module):
    """Images to pooled features ``(N, D)``: what runtimes without Python get."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(N, D)`` of ``(N, C, H, W)`` normalized images."""
        return pooled(self.backbone(images))


def to_onnx(source: SourceBackbone, image: Tensor) -> Export:
    """An ONNX graph of images to pooled features.

    Raises:
        ImportError: a package that writes or runs it is missing.
    """
    missing = [n for n in ('onnx', 'onnxscript', 'onnxruntime') if not find_spec(n)]
    if missing:
        raise ImportError(
            f'--to onnx needs {", ".join(missing)}: pip install "cld_mm[onnx]".'
        )
    program, any_batch = _program(source, image)

    def write(path: Path) -> None:
        torch.onnx.export(
            program,
            (),
            str(path),
            input_names=['images'],
            output_names=['features'],
            external_data=False,
            verbose=False,
        )

    def read(path: Path) -> Encoder:
        import onnxruntime

        providers = ['CPUExecutionProvider']
        session = onnxruntime.InferenceSession(str(path), providers=providers)

        def encode(images: Tensor) -> Tensor:
            return torch.from_numpy(session.run(None, {'images': images.numpy()})[0])

        return encode if any_batch else _one_by_one(encode)

    return Export(
        write,
        read,
        "session = onnxruntime.InferenceSession('{path}')\n"
        "(features,) = session.run(None, {'images': images})" + _note(any_batch),
        len(source.module.state_dict()),
    )


def to_torch_export(source: SourceBackbone, image: Tensor) -> Export:
    """A torch.export program of images to pooled features."""
    program, any_batch = _program(source, image)

    def read(path: Path) -> Encoder:
        encode = torch.export.load(path).module()
        return encode if any_batch else _one_by_one(encode)

    return Export(
        lambda path: torch.export.save(program, path),
        read,
        "model = torch.export.load('{path}').module()" + _note(any_batch),
        len(source.module.state_dict()),
    )


def _program(
    source: SourceBackbone, image: Tensor
) -> tuple[torch.export.ExportedProgram, bool]:
    """The traced backbone, and whether it takes batches of any size.

    Swin Transformers compute with the batch size as a plain number, so theirs is one.
    """
    model = PooledBackbone(source.module).eval()
    try:
        batch = {'images': {0: torch.export.Dim('batch')}}
        pair = image.repeat(2, 1, 1, 1)
        return torch.export.export(model, (pair,), dynamic_shapes=batch), True
    except Exception:  # torch's own kinds of errors here differ from version to version
        return torch.export.export(model, (image,)), False


def _one_by_one(encode: Encoder) -> Encoder:
    return lambda images: torch.cat([encode(image[None]) for image in images])


def _note(any_batch: bool) -> str:
    return '' if any_batch else '  # one image at a time'

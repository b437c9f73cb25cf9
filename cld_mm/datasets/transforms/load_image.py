"""LoadImage: read an image file; a broken one names its path."""

import multiprocessing
import warnings

from mmcv.transforms import LoadImageFromFile

from cld_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's LoadImageFromFile with a choice of what a broken file does.

    Args:
        on_error: 'stop' ends the run with the file's path; 'skip' warns, and the data
            set takes another image in its place.
        max_skips: with 'skip', how many broken files (over all workers of a rank)
            are one too many.
        **kwargs: as in LoadImageFromFile.

    Raises:
        ValueError: ``on_error`` is unknown or ``max_skips`` below 0.
    """

    def __init__(self, on_error: str = 'stop', max_skips: int = 100, **kwargs) -> None:
        super().__init__(**kwargs)
        if on_error not in ('stop', 'skip') or max_skips < 0:
            raise ValueError(
                f"on_error is {on_error!r} and max_skips {max_skips}: take 'stop' or "
                "'skip', and a number of 0 or more."
            )
        self.on_error = on_error
        self.max_skips = max_skips
        # Shared by the workers, which are started later.
        self.skips = multiprocessing.Value('l', 0) if on_error == 'skip' else None

    def transform(self, results: dict) -> dict | None:
        """Read ``results['img_path']``; None where a broken file is skipped.

        Raises:
            OSError: the file cannot be read as an image.
        """
        path = results['img_path']
        try:
            loaded = super().transform(results)
            if loaded is None or loaded['img'].size == 0:
                raise ValueError('no image in it')
            return loaded
        except Exception as error:
            reason = f'{path} cannot be read as an image ({_short(error)})'
            if self.skips is None:
                raise OSError(
                    f"{reason}: mend or remove it, or set on_error='skip' in LoadImage."
                ) from error
            with self.skips.get_lock():
                self.skips.value += 1
                count = self.skips.value
            if count > self.max_skips:
                raise OSError(
                    f'{reason}, and is broken file number {count}, more than max_skips '
                    f'{self.max_skips}: mend the data, or raise max_skips.'
                ) from error
            warnings.warn(f'{reason}: skipped, number {count}.', stacklevel=2)
            return None


def _short(error: Exception) -> str:
    text = ' '.join(str(error).split())
    return text[:80] or type(error).__name__

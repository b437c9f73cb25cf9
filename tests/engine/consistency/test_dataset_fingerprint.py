"""Other files under the same names change the fingerprint of a dataset."""

from pathlib import Path

import pytest
from PIL import Image

from cld_mm.datasets import ImageFolder, TarShards
from cld_mm.datasets.preparation.shard_writer import write_shards
from cld_mm.engine.consistency.dataset_fingerprint import fingerprint


@pytest.mark.slow
def test_other_files_of_the_same_names_change_the_fingerprint(tmp_path: Path) -> None:
    def found(name: str, size: int, drop: str = '') -> dict:
        root = tmp_path / name / 'images'
        root.mkdir(parents=True)
        for number in range(20):
            Image.new('RGB', (size, 9), (number, 0, 0)).save(root / f'{number}.png')
        if drop:
            (root / drop).write_bytes(b'')
        data = ImageFolder(data_root=str(root), with_label=False)
        data.full_init()
        own = fingerprint(data)
        names = 'digest of the files and labels'  # the folders differ here, on purpose
        return {key: value for key, value in own.items() if key != names}

    assert found('one', 9) == found('two', 9)
    assert found('three', 9) != found('four', 8)
    assert found('five', 9) != found('six', 9, drop='0.png')
    write_shards(
        ImageFolder(data_root=str(tmp_path / 'one'), with_label=False),
        tmp_path / 's',
        9,
    )
    shards = fingerprint(TarShards(str(tmp_path / 's')))
    path = sorted((tmp_path / 's').glob('*.tar'))[0]
    damaged = bytearray(path.read_bytes())
    damaged[560] ^= 1
    path.write_bytes(damaged)
    assert fingerprint(TarShards(str(tmp_path / 's'))) != shards

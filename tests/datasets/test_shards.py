"""Tar shards: each sample once, resumed inside an epoch, broken ones named."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import webdataset
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.dataset import default_collate
from mmengine.dist import all_gather_object
from torch.utils.data import DataLoader

from cld_mm.datasets import ShardSampler, TarShards
from cld_mm.datasets.preparation.shard_writer import write_shards
from cld_mm.datasets.shard_index import verify
from cld_mm.engine.loops.resumable import skip_batches
from cld_mm.registry import TRANSFORMS
from tests.helpers.ranks import run_ranks

PIPELINE = [
    TRANSFORMS.build({'type': 'LoadImage'}),
    TRANSFORMS.build({'type': 'PackInputs', 'meta_keys': ['sample_idx']}),
]


class Numbered:
    """Images in memory whose pixels are their number."""

    metainfo = {'classes': ('even', 'odd')}

    def __init__(self, count: Any) -> None:
        self.count = count

    def __len__(self) -> Any:
        return self.count

    def __getitem__(self, index: Any) -> dict:
        image = np.full((4, 5, 3), (index, 7, 200), dtype=np.uint8)
        return {'img': image, 'gt_label': index % 2}


class Numbers:
    """Shards of given sizes without files."""

    def __init__(self, sizes: Any) -> None:
        self.numbers = np.repeat(np.arange(len(sizes)), sizes)

    def __len__(self) -> Any:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> int:
        return int(index)

    def shard_numbers(self) -> Any:
        return self.numbers


@pytest.fixture(scope='module')
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('shards') / 'made'
    assert write_shards(Numbered(23), out, shard_bytes=500) > 3
    return out


def sampler(dataset: Any, rank: int = 0, world: int = 1, **kwargs: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        where = 'mmengine.dataset.sampler.get_dist_info'
        patch.setattr(where, lambda: (rank, world))
        return ShardSampler(dataset, seed=3, **kwargs)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    world=st.integers(1, 5),
    buffer_size=st.integers(1, 60),
    epoch=st.integers(0, 3),
)
def test_ranks_share_without_loss_or_repeat(
    sizes: Any, world: int, buffer_size: int, epoch: int
) -> None:
    dataset = Numbers(sizes)
    for round_up in (False, True):
        found = []
        for rank in range(world):
            one = sampler(
                dataset, rank, world, round_up=round_up, buffer_size=buffer_size
            )
            one.set_epoch(epoch)
            assert len(list(one)) == len(one)
            found += list(one)
        assert set(found) == set(range(len(dataset)))
        repeats = len(found) - len(dataset)
        assert repeats == (-len(dataset) % world if round_up else 0)


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    buffer_size=st.integers(1, 60),
)
def test_reads_stay_within_the_buffer(sizes: Any, buffer_size: int) -> None:
    dataset = Numbers(sizes)
    order = list(sampler(dataset, buffer_size=buffer_size))
    planned = list(sampler(dataset, buffer_size=1))
    # A buffer of 1 reads shard after shard, each from its beginning.
    visited = dataset.numbers[planned]
    assert (np.diff(visited) != 0).sum() == len(sizes) - 1
    assert all(
        np.diff(np.array(planned)[visited == n]).min(initial=1) == 1
        for n in range(len(sizes))
    )
    place = {index: number for number, index in enumerate(planned)}
    assert all(abs(place[i] - n) < buffer_size for n, i in enumerate(order))


def read(
    shards: Any, workers: Any, seen: int = 0, rank: int = 0, world: int = 1
) -> list:
    dataset = TarShards(str(shards), pipeline=PIPELINE)
    loader = DataLoader(
        dataset,
        batch_size=3,
        num_workers=workers,
        sampler=sampler(dataset, rank, world, buffer_size=6, round_up=False),
        collate_fn=default_collate,
    )
    loader.batch_sampler.sampler.set_epoch(1)
    with skip_batches(loader, seen) as batches:
        return [n for batch in batches for n in batch['inputs'][:, 2, 0, 0].tolist()]


@pytest.mark.slow
def test_workers_and_ranks_read_each_image_once(shards: Any) -> None:
    alone = read(shards, 0)
    assert sorted(alone) == list(range(23))
    assert read(shards, 2) == alone
    both = [read(shards, 2, rank=rank, world=2) for rank in range(2)]
    assert sorted(both[0] + both[1]) == list(range(23))


def _both_ranks_read(rank: int, shards: Any) -> None:
    dataset = TarShards(str(shards), pipeline=PIPELINE)

    def read(seen: Any, round_up: Any, workers: int = 2) -> tuple:
        loader = DataLoader(
            dataset,
            batch_size=3,
            num_workers=workers,
            sampler=ShardSampler(dataset, seed=3, buffer_size=6, round_up=round_up),
            collate_fn=default_collate,
        )
        loader.batch_sampler.sampler.set_epoch(1)
        with skip_batches(loader, seen) as batches:
            own = [n for b in batches for n in b['inputs'][:, 2, 0, 0].tolist()]
        return own, [n for part in all_gather_object(own) for n in part]

    own, everyone = read(0, False)
    assert sorted(everyone) == list(range(23))
    assert abs(len(own) - 11.5) == 0.5
    resumed, _ = read(2, False, workers=0)
    assert resumed == own[6:]  # what was seen is not read again, by neither rank
    _, everyone = read(0, True, workers=0)
    assert len(everyone) == 24
    assert set(everyone) == set(range(23))


@pytest.mark.slow
def test_two_ranks_with_workers_share_and_go_on(shards: Any) -> None:
    run_ranks(_both_ranks_read, 2, (shards,))


def test_an_epoch_goes_on_where_it_was(shards: Any) -> None:
    whole = read(shards, 0)
    assert read(shards, 2, seen=4) == whole[12:]


def test_plain_webdataset_reads_the_same(shards: Any) -> None:
    ours = TarShards(str(shards), pipeline=PIPELINE)
    assert ours.metainfo['classes'] == ('even', 'odd')
    urls = [str(path) for path in sorted(shards.glob('*.tar'))]
    theirs = list(webdataset.WebDataset(urls, shardshuffle=False).decode('rgb8'))
    assert len(theirs) == len(ours) == 23
    for place, sample in enumerate(theirs):
        image = ours[place]['inputs'].permute(1, 2, 0).numpy()[..., ::-1]
        assert np.array_equal(sample['png'], image)
        assert sample['cls'] == ours.get_data_info(place)['gt_label']
        assert sample['cls'] == image[0, 0, 0] % 2


def add(tar: Any, name: str, data: Any) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def test_shards_of_others_need_no_index(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    data = cv2.imencode('.jpg', image)[1].tobytes()
    with tarfile.open(tmp_path / 'a.tar', 'w') as tar:
        for number in range(3):
            add(tar, f'./x/{number}.cls', str(number).encode())
            add(tar, f'./x/{number}.json', b'{}')
            add(tar, f'./x/{number}.JPG', data)
    dataset = TarShards(str(tmp_path), pipeline=PIPELINE)
    assert dataset.get_gt_labels().tolist() == [0, 1, 2]
    pixels = dataset[1]['inputs'].permute(1, 2, 0).numpy()
    assert np.array_equal(pixels, cv2.imdecode(np.frombuffer(data, np.uint8), 1))


@pytest.mark.parametrize('indexed', [True, False])
def test_a_cut_shard_is_named_with_its_member(
    shards: Any, tmp_path: Path, indexed: bool
) -> None:
    for path in shards.iterdir():
        if indexed or path.suffix == '.tar':
            (tmp_path / path.name).write_bytes(path.read_bytes())
    first = tmp_path / 'shard-000000.tar'
    member = TarShards(str(shards)).get_data_info(1)
    start = sum(member['place'])
    first.write_bytes(first.read_bytes()[: start - 5])
    with pytest.raises(ValueError, match=r'shard-000000.tar.*000000001.png'):
        TarShards(str(tmp_path))


@pytest.mark.parametrize(
    ('index', 'reason'),
    [
        ('{}', "KeyError: 'shards'"),
        ('[]', 'TypeError'),
        ('null', 'TypeError'),
        ('[' * 99999, 'RecursionError'),
        ('{"classes": null, "shards": [{"name": "a.tar"}]}', "KeyError: 'size'"),
        (
            '{"classes": null, "shards": [{"name": "a.tar", "size": 1, "digest": "", '
            '"members": [["a.png", "0", 9, null]]}]}',
            'TypeError: .*is no member',
        ),
    ],
)
def test_an_index_that_is_none_is_named(
    index: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / 'a.tar').write_bytes(b'x')
    (tmp_path / 'index.json').write_text(index)
    with pytest.raises(ValueError, match=f'index.json is damaged .{reason}'):
        TarShards(str(tmp_path))


def test_what_is_no_shard_or_no_class_is_named(tmp_path: Path) -> None:
    write_shards(Numbered(4), tmp_path / 'out', 10**9)
    assert len(TarShards(str(tmp_path / 'out'))) == 4
    with pytest.raises(ValueError, match=r'has the class 1, but classes are 0 to 0'):
        TarShards(str(tmp_path / 'out'), metainfo={'classes': ('even',)})
    (tmp_path / 'out/index.json').unlink()
    for make in (os.mkfifo, os.mkdir, lambda path: path.symlink_to('nowhere')):
        odd = tmp_path / 'out/odd.tar'
        make(odd)
        with pytest.raises(ValueError, match=r'odd.tar is a folder, pipe or device'):
            TarShards(str(tmp_path / 'out'))  # a pipe would be waited for
        odd.rmdir() if odd.is_dir() else odd.unlink()


def test_a_name_that_occurs_twice_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / 'a.tar', 'w') as tar:
        for name in ('1.jpg', '1.cls', '1.JPG'):
            add(tar, name, b'1')
    with pytest.raises(ValueError, match=r'its member 1.JPG .*twice'):
        TarShards(str(tmp_path))


def test_shards_joined_by_cat_are_named(shards: Any, tmp_path: Path) -> None:
    one, two, *_ = sorted(shards.glob('*.tar'))
    (tmp_path / 'a.tar').write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(ValueError, match='data after the end-of-archive marker'):
        TarShards(str(tmp_path))


def test_a_broken_member_is_named(shards: Any, tmp_path: Path) -> None:
    for path in shards.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    dataset = TarShards(str(tmp_path), pipeline=PIPELINE)
    member = dataset.get_data_info(1)
    with open(member['shard'], 'r+b') as file:
        file.seek(member['place'][0] + 45)
        file.write(b'spoilt')
    with pytest.raises(OSError, match=r'shard-000000.tar/000000001.png'):
        dataset[1]
    with pytest.raises(ValueError, match=r'shard-000000.tar .*SHA-256'):
        verify(tmp_path)
    assert verify(shards) > 3


def test_nothing_is_overwritten(shards: Any) -> None:
    with pytest.raises(ValueError, match='exists'):
        write_shards(Numbered(2), shards, 500)

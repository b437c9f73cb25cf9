"""From a run to its config: steps, held-out images, digests."""

from typing import Any

import pytest

from cld_mm.registry import DATASETS
from cld_mm.study import StudyError, load_study
from cld_mm.study.settings import data_of, run_config, settings_digest


def run_named(study: Any, name: str) -> Any:
    return next(run for run in study.runs() if run.name == name)


def test_a_trial_trains_on_what_it_is_not_evaluated_on(tiny: Any) -> None:
    study = load_study(tiny)
    cfg = run_config(study, run_named(study, 'cld-trial0'), {})
    train = DATASETS.build(cfg.train_dataloader.dataset)
    known = DATASETS.build(cfg.val_cfg.train_dataloader.dataset)
    held_out = DATASETS.build(cfg.val_dataloader.dataset)
    assert (len(train), len(known), len(held_out)) == (48, 48, 12)
    assert cfg.model.num_images == 48
    pixels = [
        {info['img'].tobytes() for info in map(part.get_data_info, range(len(part)))}
        for part in (known, held_out)
    ]
    assert not pixels[0] & pixels[1]


def test_schedules_scale_with_the_steps(tiny: Any) -> None:
    study = load_study(tiny)
    cfg = run_config(study, run_named(study, 'cld-trial0'), {})
    assert cfg.train_cfg.max_iters == 3
    assert (cfg.param_scheduler.T_max, cfg.param_scheduler.end) == (3, 3)


def test_the_digest_follows_settings_and_not_folders(tiny: Any) -> None:
    study = load_study(tiny)
    run = run_named(study, 'cld-seed0')
    one, two = run_config(study, run, {}), run_config(study, run, {})
    two.work_dir = 'elsewhere'
    assert settings_digest(one) == settings_digest(two)
    other = run_config(study, run, {'optim_wrapper.optimizer.lr': 0.5})
    assert settings_digest(one) != settings_digest(other)


def test_other_images_have_another_fingerprint(tiny: Any, write_arrays: Any) -> None:
    study = load_study(tiny)
    cfg = run_config(study, run_named(study, 'cld-seed0'), {})
    before = data_of(cfg, {})
    write_arrays(tiny.parent / 'data', seed=1)
    after = data_of(cfg, {})
    assert before['training'] != after['training']


def test_a_config_that_trains_by_epochs_is_refused(tiny: Any) -> None:
    tiny.write_text("arms = dict(a=dict(config='configs/npid_r18_cifar10_200e.py'))\n")
    study = load_study(tiny)
    with pytest.raises(StudyError, match='trains by epochs'):
        run_config(study, study.runs()[0], {})

"""The report in a real browser: it loads, answers the pointer and fits the screen."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cld_mm.report import Run, Snapshot, collect_run, write_page
from cld_mm.report.collect import flat, read_json
from cld_mm.report.page import drawn, unlike_names

sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is missing')
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
EVIL = '</script><img src=x onerror=alert(1)>"\'&amp;'


def snapshot(rng: np.random.Generator) -> Any:
    import base64
    import io

    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (36, 1440, 3), dtype=np.uint8)).save(
        buffer, 'PNG'
    )
    epoch = {
        'groups': [i % 2 for i in range(30)],
        'members': {0: [0, 2, 4], 1: [1, 3]},
        'neighbors': [[1, 2], [2, 3]],
        'quality': {
            'nmi': 0.5,
            'adjusted_rand': 0.25,
            'purity': 0.75,
            'groups_used': 2.0,
        },
    }
    return Snapshot(
        'data:image/png;base64,' + base64.b64encode(buffer.getvalue()).decode(),
        36,
        40,
        [i % 3 for i in range(30)],
        ['cat', 'dog', EVIL],
        [0, 1],
        {
            e: {**epoch, 'points': rng.uniform(-1, 1, (30, 2)).round(3).tolist()}
            for e in (1, 2)
        },
    )


def nasty_work_dir(folder: Path) -> Path:
    """A work dir as a crashed run leaves it, with names that mean harm."""
    work_dir = folder / EVIL.replace('/', '')
    logs = work_dir / '20260101_000000' / 'vis_data'
    logs.mkdir(parents=True)
    (logs / 'config.py').write_text(f'model = dict(type="MoCo", note={EVIL!r})\n')
    record = {'loss': 2.5, 'knn_backbone/top1': EVIL, EVIL: 1.0, 'iter': 10}
    (logs / 'scalars.json').write_text(f'{json.dumps(record)}\n7\n{{"loss": 2.0, "i')
    (logs / 'run_info.json').write_text(json.dumps({EVIL: {EVIL: EVIL}, 'root': EVIL}))
    (work_dir / 'measured.json').write_text(json.dumps({EVIL: EVIL, 'top1': 71.25}))
    (work_dir / 'broken.json').write_text('{"half')
    Image.new('RGB', (8, 8)).save(work_dir / f'{EVIL.replace("/", "")}.png')
    return work_dir


@pytest.fixture(scope='module')
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('report')
    rng = np.random.default_rng(0)
    runs = [
        Run(
            name,
            folder / str(place),
            f'model = 1  # {EVIL}',
            {'seed': 0, 'data': {'root': EVIL}},
            {
                'loss': ([1, 2, 3], [3.0, 2.0, float('nan')]),
                'knn_backbone/top1': ([3], [71.5]),
            },
            {'a.json': {'linear': 80.25, 'note': EVIL}},
            notes=[EVIL],
        )
        for place, name in enumerate(('first', EVIL, 'x' * 200, '狗_кошка'))
    ]
    runs.append(collect_run(nasty_work_dir(folder)))
    write_page(runs, [snapshot(rng), *[None] * 4], folder / 'report.html')
    return folder / 'report.html'


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip('chromium is not installed')
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu']
        )


@pytest.fixture(params=[390, 1440])
def page(request: pytest.FixtureRequest, browser: Any, page_file: Any) -> Iterator[Any]:
    opened = browser.new_page(viewport={'width': request.param, 'height': 900})
    opened.errors = []
    opened.on('pageerror', lambda error: opened.errors.append(str(error)))
    opened.on('dialog', lambda dialog: opened.errors.append(dialog.message))
    opened.on(
        'console',
        lambda message: (
            opened.errors.append(message.text) if message.type == 'error' else None
        ),
    )
    opened.on(
        'request',
        lambda sent: (
            None
            if sent.url.startswith(('file:', 'data:', 'blob:'))
            else opened.errors.append(sent.url)
        ),
    )
    opened.goto(page_file.as_uri())
    opened.wait_for_selector('.embedding .points path', state='attached')
    yield opened
    assert opened.errors == []
    opened.close()


def test_it_fits_the_screen(page: Any) -> None:
    width = page.evaluate('document.documentElement.scrollWidth')
    assert width <= page.viewport_size['width']
    assert page.locator('.curve').count() == 2
    text = page.locator('#figures').inner_text()
    for shown in ('71.50', '80.25', '71.25', EVIL, '狗_кошка'):
        assert shown in text
    notes = page.locator('.note').all_inner_texts()
    assert 'broken.json is not valid JSON' in notes[-1]
    # Names came as text: no element of theirs, and no place that runs a script.
    assert page.locator('img:not(figure img)').count() == 0
    assert page.locator('[onerror]').count() == 0


def test_a_dot_shows_its_image(page: Any) -> None:
    assert not page.locator('#tip').is_visible()
    # Dots are drawn in SVG: the last drawn lies on top.
    dot = page.locator('.embedding .points path').last
    dot.scroll_into_view_if_needed()
    page.wait_for_timeout(50)  # scrolling hides the image
    box = dot.bounding_box()
    page.mouse.move(box['x'] - 30, box['y'] - 30)
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2, steps=4)
    page.wait_for_selector('#tip', state='visible')
    style = page.locator('#tip .thumb').get_attribute('style')
    assert 'data:image/png' in style
    assert page.locator('#tip span').inner_text() in ('cat', 'dog', EVIL)
    tip = page.locator('#tip').bounding_box()
    assert tip['x'] >= 0
    assert tip['x'] + tip['width'] <= page.viewport_size['width']


def shown_curves(page: Any) -> Any:
    return page.locator('.curve').first.locator('.scatterlayer .trace').count()


def test_curves_can_be_switched_off_and_zoomed(page: Any) -> None:
    assert shown_curves(page) == 5
    run, name = page.locator('#run-keys button').first, page.locator('.curve button')
    run.click()
    assert run.get_attribute('aria-pressed') == 'false'
    page.wait_for_function(
        'document.querySelector(".curve").querySelectorAll(".scatterlayer .trace")'
        '.length == 4'
    )
    run.press('Enter')  # by keyboard too
    name.first.click()
    page.wait_for_function(
        'document.querySelector(".curve").querySelectorAll(".scatterlayer .trace")'
        '.length == 0'
    )
    name.first.click()
    plot = page.locator('.plot').first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box['x'] + 100, box['y'] + 60)
    page.mouse.down()
    page.mouse.move(box['x'] + 200, box['y'] + 62, steps=5)
    page.mouse.up()
    ranges = '[...document.querySelectorAll(".plot")].map(p => p.layout.xaxis.range)'
    page.wait_for_selector('#whole', state='visible')
    one, two = page.evaluate(ranges)
    assert one == two
    # Of 3 and 2, and a NaN, what is in the range fills the panel.
    low, high = page.evaluate('document.querySelector(".plot").layout.yaxis.range')
    assert high - low < 1
    page.locator('#whole').click()
    page.wait_for_function(f'({ranges})[1][0] == 0')
    assert page.evaluate(ranges)[0] != one


def test_groups_and_epochs_can_be_chosen(page: Any) -> None:
    button = page.locator('.groups button').first
    button.click()
    assert button.get_attribute('aria-pressed') == 'true'
    assert button.locator('.thumb').count() == 3
    selected = 'document.querySelector(".embedding").data.map(t => t.selectedpoints)'
    assert sum(len(rows) for rows in page.evaluate(selected)) == 15
    before = page.evaluate('document.querySelector(".embedding").data[0].x')
    slider = page.locator('input[type=range]')
    slider.focus()
    slider.press('ArrowLeft')
    assert page.locator('.slider output').inner_text() == '1'
    assert page.evaluate('document.querySelector(".embedding").data[0].x') != before
    assert button.get_attribute('aria-pressed') == 'false'
    page.locator('[data-by=group]').click()
    assert page.locator('.kinds button').all_inner_texts()[0].endswith('group 1')
    page.locator('.kinds button').first.click()
    kept = 'document.querySelector(".embedding").data.map(t => t.visible)'
    assert page.evaluate(kept) == [False, True]


def test_plots_fit_on_paper(page: Any) -> None:
    page.evaluate('dispatchEvent(new Event("beforeprint"))')
    page.emulate_media(media='print')
    fits = """[...document.querySelectorAll(".plot, .embedding")].every(
        plot => plot.querySelector(".main-svg").getBoundingClientRect().width
        <= plot.getBoundingClientRect().width + 1 && plot.clientWidth <= 700)"""
    assert page.evaluate(fits)
    page.emulate_media(media='screen')
    page.evaluate('dispatchEvent(new Event("afterprint"))')
    page.wait_for_function(fits.replace('plot.clientWidth <= 700', 'true'))


def test_nothing_in_a_name_can_act(page_file: Any) -> None:
    page = page_file.read_text()
    assert EVIL not in page
    assert '<img src=x' not in page
    start = page.index('<script id="data"')
    data = page[page.index('>', start) + 1 : page.index('</script>', start)]
    assert json.loads(data)['curves'][0]['loss'][1] == [3.0, 2.0, None]


def test_a_folder_whose_name_is_no_text_has_a_page(tmp_path: Path) -> None:
    run = Run(
        os.fsdecode(b'run \xff'), tmp_path, 'a = 1', curves={'loss': ([1], [2.0])}
    )
    write_page([run], [None], tmp_path / 'page.html')
    assert r'run \udcff' in (tmp_path / 'page.html').read_text(encoding='utf-8')


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / 'a/x/run', tmp_path / 'b/x/run', tmp_path / 'other']
    runs = [Run(path.name, path, '') for path in paths]
    assert len({run.name for run in unlike_names(runs)}) == 3
    with pytest.raises(ValueError, match='given twice'):
        unlike_names([Run('run', paths[0], ''), Run('run', paths[0], '')])


def test_long_curves_keep_their_last_value() -> None:
    curve = [float(v) for v in range(1, 5002)], [float(v) for v in range(5001)]
    found = drawn({'loss': curve, 'unknown': curve}, {'loss': ['loss']})
    assert list(found) == ['loss']
    assert len(found['loss'][0]) <= 2000
    assert found['loss'][0][-1] == 5001
    assert found['loss'][1][-1] == 5000.0


def test_a_grid_of_knn_stands_in_the_table_by_its_settings(tmp_path: Path) -> None:
    grid = [
        {'features': 'backbone', 'k': k, 'temperature': 0.07, 'top1': 70.0 + k}
        for k in (1, 5)
    ]
    file = tmp_path / 'knn_epoch_1.json'
    file.write_text(json.dumps(grid))
    assert flat(read_json(file, [])) == {
        'features backbone, k 1, temperature 0.07.top1': 71.0,
        'features backbone, k 5, temperature 0.07.top1': 75.0,
    }

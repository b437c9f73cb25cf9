"""The report in a real browser: it loads, answers the pointer and fits the screen."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from cld_mm.report import Run, Snapshot, write_page

sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is missing')
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
EVIL = '</script><img src=x onerror=alert(1)>'


def snapshot(rng):
    import base64
    import io

    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (36, 1440, 3), dtype=np.uint8)).save(
        buffer, 'PNG'
    )
    epoch = {
        'groups': [i % 2 for i in range(30)],
        'members': {0: [0, 2, 4], 1: [1, 3]},
        'neighbours': [[1, 2], [2, 3]],
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
            e: {**epoch, 'places': rng.uniform(-1, 1, (30, 2)).round(3).tolist()}
            for e in (1, 2)
        },
    )


@pytest.fixture(scope='module')
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp('report')
    rng = np.random.default_rng(0)
    runs = [
        Run(
            name,
            folder,
            'model = 1',
            {'seed': 0, 'data': {'root': EVIL}},
            {
                'loss': ([1, 2, 3], [3.0, 2.0, float('nan')]),
                'knn_backbone/top1': ([3], [71.5]),
            },
            {'a.json': {'linear': 80.25, 'note': EVIL}},
        )
        for name in ('first', EVIL)
    ]
    write_page(runs, [snapshot(rng), None], folder / 'report.html')
    return folder / 'report.html'


@pytest.fixture(scope='module')
def browser():
    if CHROMIUM is None:
        pytest.skip('chromium is not installed')
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu']
        )


@pytest.fixture(params=[390, 1440])
def page(request, browser, page_file):
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


def test_it_fits_the_screen(page):
    width = page.evaluate('document.documentElement.scrollWidth')
    assert width <= page.viewport_size['width']
    assert page.locator('.curve').count() == 2
    text = page.locator('#figures').inner_text()
    assert '71.50' in text
    assert '80.25' in text
    assert EVIL in text


def test_a_dot_shows_its_image(page):
    assert not page.locator('#tip').is_visible()
    # Dots are drawn in SVG: the last drawn lies on top.
    dot = page.locator('.embedding .points path').last
    dot.scroll_into_view_if_needed()
    box = dot.bounding_box()
    page.mouse.move(box['x'] - 30, box['y'] - 30)
    page.mouse.move(box['x'] + box['width'] / 2, box['y'] + box['height'] / 2, steps=4)
    page.wait_for_selector('#tip', state='visible')
    style = page.locator('#tip .thumb').get_attribute('style')
    assert 'data:image/png' in style
    assert page.locator('#tip span').inner_text() in ('cat', 'dog', EVIL)


def test_a_curve_can_be_switched_off(page):
    panel = page.locator('.curve').first
    panel.scroll_into_view_if_needed()
    lines = panel.locator('.scatterlayer .trace')
    assert lines.count() == 2
    panel.locator('.legendtoggle').first.click()
    page.wait_for_function(
        'document.querySelector(".curve").querySelectorAll(".scatterlayer .trace")'
        '.length == 1'
    )


def test_groups_and_epochs_can_be_chosen(page):
    button = page.locator('.group-buttons button').first
    button.click()
    assert page.locator('.members .thumb').count() == 3
    before = page.evaluate('document.querySelector(".embedding").data[0].x')
    slider = page.locator('input[type=range]')
    slider.focus()
    slider.press('ArrowLeft')
    assert page.locator('.slider output').inner_text() == '1'
    assert page.evaluate('document.querySelector(".embedding").data[0].x') != before
    assert page.locator('.members .thumb').count() == 0


def test_nothing_in_a_name_can_act(page_file):
    page = page_file.read_text()
    assert EVIL not in page
    start = page.index('<script id="data"')
    data = page[page.index('>', start) + 1 : page.index('</script>', start)]
    assert json.loads(data)['curves'][0]['loss'][1] == [3.0, 2.0, None]

"""The exploration's page in a real browser: offline, no errors, clicks work."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cld_mm.apis.embeddings import Embeddings
from cld_mm.apis.explore_images import explore

sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is missing')
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')


@pytest.fixture(scope='module')
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('explored')
    rng = np.random.default_rng(0)
    files = [folder / f'<img src=x onerror=alert({i})>.png' for i in range(30)]
    for file in files:
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(file)
    features = rng.normal(size=(30, 5))
    features[1] = features[0]
    found = explore(Embeddings(features, [str(file) for file in files]), folder / 'out')
    assert found.page is not None
    return found.page


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip('chromium is not installed')
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox', '--disable-gpu']
        )


@pytest.fixture(params=[390, 1440])
def page(
    request: pytest.FixtureRequest, browser: Any, page_file: Path
) -> Iterator[Any]:
    opened = browser.new_page(viewport={'width': request.param, 'height': 900})
    problems: list[str] = []
    opened.on('pageerror', lambda error: problems.append(str(error)))
    opened.on('dialog', lambda dialog: problems.append(dialog.message))

    def note(sent: Any) -> None:
        if not sent.url.startswith(('file:', 'data:')):
            problems.append(sent.url)

    opened.on('request', note)
    opened.goto(page_file.as_uri())
    opened.wait_for_function('placed.length > 0')
    yield opened
    assert problems == []
    opened.close()


def show(page: Any, view: str) -> None:
    page.locator(f'nav [data-view={view}]').click()


def test_it_fits_the_screen(page: Any) -> None:
    for view in ('map', 'groups', 'duplicates', 'outliers', 'subset'):
        show(page, view)
        width = page.evaluate('document.documentElement.scrollWidth')
        assert width <= page.viewport_size['width'], view


def test_a_click_on_the_map_shows_the_neighbors(page: Any) -> None:
    canvas = page.locator('#map')
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    image, x, y, _ = page.evaluate('placed[placed.length - 1]')
    page.mouse.click(box['x'] + x, box['y'] + y)
    expected = page.evaluate(f'data.neighbors[{image}]')
    grid = page.locator('#panel .grid').first.locator('button')
    found = [int(button.get_attribute('data-image')) for button in grid.all()]
    assert found == expected
    assert (
        page.locator('#panel h2').inner_text()
        == f'<img src=x onerror=alert({image})>.png'
    )


def test_zooming_moves_images_apart(page: Any) -> None:
    gap = 'Math.hypot(place(0)[0] - place(5)[0], place(0)[1] - place(5)[1])'
    before = page.evaluate(gap)
    page.locator('[data-zoom="1.6"]').click()
    assert page.evaluate(gap) == pytest.approx(1.6 * before, rel=1e-3)


def test_the_search_finds_a_file(page: Any) -> None:
    page.locator('#search').fill('alert(17)')
    assert page.locator('#matches').inner_text() == '1 found'
    assert 'alert(17)' in page.locator('#panel h2').inner_text()


def test_duplicates_are_listed_together(page: Any) -> None:
    show(page, 'duplicates')
    buttons = page.locator('#duplicate-cards button').all()
    assert [button.get_attribute('data-image') for button in buttons] == ['0', '1']


def test_groups_follow_the_chosen_level(page: Any) -> None:
    show(page, 'groups')
    for number in range(page.evaluate('data.levels.length')):
        page.locator('#level').select_option(str(number))
        expected = page.evaluate(f'data.levels[{number}].groups.length')
        assert page.locator('#group-cards .card').count() == expected

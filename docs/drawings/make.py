"""Draw the SVG figures of the documentation: ``python docs/drawings/make.py``."""

from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
BLUE, ORANGE, GREEN, GRAY, INK = '#0072B2', '#D55E00', '#009E73', '#8A8A8A', '#1F2933'
PAPER = '#FFFFFF'


class Drawing:
    """An SVG of boxes, arrows, dots and text; units are pixels.

    Args:
        width, height: of the picture.
        title: what a screen reader says.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.size = width, height
        self.title = title
        self.parts: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: int = 15,
        color: str = INK,
        weight: str = 'normal',
        anchor: str = 'middle',
    ) -> None:
        """One line of text around ``(x, y)``."""
        self.parts.append(
            f'<text x="{x}" y="{y + size * 0.35:.1f}" font-size="{size}" '
            f'fill="{color}" font-weight="{weight}" text-anchor="{anchor}">'
            f'{escape(words)}</text>'
        )

    def box(
        self, x: float, y: float, w: float, h: float, *lines: str, color: str = GRAY
    ) -> None:
        """A rounded box with its upper left corner at ``(x, y)``."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="9" fill="{color}" '
            f'fill-opacity="0.12" stroke="{color}" stroke-width="1.8"/>'
        )
        for i, line in enumerate(lines):
            place = y + h / 2 + (i - (len(lines) - 1) / 2) * 19
            weight, size = ('bold', 15) if i == 0 else ('normal', 13)
            self.text(x + w / 2, place, line, size, weight=weight)

    def arrow(
        self,
        *points: tuple[float, float],
        color: str = INK,
        dashed: bool = False,
        label: str = '',
    ) -> None:
        """A line through the points with a head at its end; the label is above it."""
        path = ' '.join(f'{x},{y}' for x, y in points)
        dash = ' stroke-dasharray="6 5"' if dashed else ''
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{color}" '
            f'stroke-width="2"{dash} marker-end="url(#head-{color[1:]})"/>'
        )
        if label:
            (ax, ay), (bx, by) = points[-2:]
            self.text((ax + bx) / 2, (ay + by) / 2 - 12, label, 13, color)

    def dot(self, x: float, y: float, color: str, radius: float = 7) -> None:
        """A filled circle."""
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{color}"/>')

    def cross(self, x: float, y: float, color: str) -> None:
        """A centroid: a cross."""
        d = 7
        self.parts.append(
            f'<path d="M{x - d} {y - d}L{x + d} {y + d}'
            f'M{x - d} {y + d}L{x + d} {y - d}" '
            f'stroke="{color}" stroke-width="4" stroke-linecap="round"/>'
        )

    def ring(self, x: float, y: float, rx: float, ry: float, color: str) -> None:
        """A dashed ellipse around a group."""
        self.parts.append(
            f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{color}" '
            f'fill-opacity="0.08" stroke="{color}" stroke-dasharray="5 4"/>'
        )

    def save(self, name: str) -> None:
        """Write ``name.svg`` beside this file."""
        width, height = self.size
        heads = ''.join(
            f'<marker id="head-{c[1:]}" viewBox="0 0 10 10" refX="8" refY="5" '
            'markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
            f'<path d="M0 0L10 5L0 10z" fill="{c}"/></marker>'
            for c in (BLUE, ORANGE, GREEN, GRAY, INK)
        )
        (HERE / f'{name}.svg').write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" '
            'font-family="Helvetica, Arial, sans-serif">'
            f'<title>{escape(self.title)}</title><defs>{heads}</defs>'
            f'<rect width="{width}" height="{height}" fill="{PAPER}" rx="12"/>'
            + '\n'.join(self.parts)
            + '</svg>\n'
        )


def overview() -> None:
    """One picture for the README: two views, two branches, two losses."""
    d = Drawing(980, 330, 'CLD: every view is compared with instances and with groups')
    for y, view, color in ((60, 'view a', BLUE), (200, 'view b', ORANGE)):
        d.box(20, y, 110, 70, view, 'random crop', color=color)
        d.arrow((130, y + 35), (170, y + 35))
        d.box(170, y, 120, 70, 'backbone', 'shared', color=GRAY)
        d.arrow((290, y + 35), (320, y + 35), (320, y + 12), (360, y + 12))
        d.arrow((290, y + 35), (320, y + 35), (320, y + 58), (360, y + 58))
        d.box(360, y - 12, 150, 40, 'instance branch', color=color)
        d.box(360, y + 42, 150, 40, 'group branch', color=color)
    d.box(610, 18, 220, 60, 'instance loss', 'queue, bank or EMA encoder', color=GREEN)
    d.arrow((510, 68), (590, 68), (590, 58), (610, 58), color=BLUE)
    d.arrow((510, 208), (575, 208), (575, 36), (610, 36), color=ORANGE)
    d.box(610, 108, 170, 46, 'groups of view a', color=BLUE)
    d.box(610, 252, 170, 46, 'groups of view b', color=ORANGE)
    d.arrow((510, 122), (610, 131), color=BLUE)
    d.arrow((510, 266), (610, 275), color=ORANGE)
    d.box(840, 168, 124, 72, 'CLD loss', 'feature × group', color=GREEN)
    d.arrow((780, 131), (902, 131), (902, 168), color=BLUE)
    d.arrow((780, 275), (902, 275), (902, 240), color=ORANGE)
    d.arrow((510, 130), (543, 130), (543, 216), (840, 216), color=BLUE, dashed=True)
    d.arrow((510, 254), (559, 254), (559, 192), (840, 192), color=ORANGE, dashed=True)
    d.text(700, 318, 'dashed: each feature meets the groups of the other view', 13)
    d.save('overview')


def two_branches() -> None:
    """The neck: one trunk, two projections."""
    d = Drawing(860, 220, 'TwoBranchNeck: one trunk, two unit-length projections')
    d.box(20, 80, 130, 60, 'image', 'N × 3 × H × W')
    d.arrow((150, 110), (190, 110))
    d.box(190, 80, 140, 60, 'backbone', 'pooled, N × D')
    d.arrow((330, 110), (370, 110))
    d.box(370, 80, 150, 60, 'trunk', 'identity or MLP layer')
    for y, name, note, color in (
        (20, 'instance branch', 'N × C, unit length', BLUE),
        (140, 'group branch', 'N × C, unit length', ORANGE),
    ):
        d.arrow((520, 110), (550, 110), (550, y + 30), (590, y + 30), color=color)
        d.box(590, y, 240, 60, name, note, color=color)
    d.save('two_branches')


POINTS = {
    BLUE: [(60, 60), (95, 48), (80, 92), (118, 80)],
    ORANGE: [(190, 140), (222, 122), (232, 160), (200, 175)],
    GREEN: [(70, 170), (100, 190), (62, 205)],
}


def local_grouping() -> None:
    """k-means inside one view of one batch."""
    d = Drawing(860, 280, 'Local grouping: k-means on the group features of one batch')
    for left, title in ((20, '1. features of view a'), (310, '2. groups by k-means')):
        d.text(left + 130, 22, title, 15, weight='bold')
        for color, points in POINTS.items():
            for x, y in points:
                d.dot(left + x, y + 30, GRAY if left == 20 else color)
    for color, (x, y, rx, ry) in {
        BLUE: (88, 70, 56, 44),
        ORANGE: (211, 149, 46, 46),
        GREEN: (77, 188, 46, 38),
    }.items():
        d.ring(310 + x, y + 30, rx, ry, color)
        d.cross(310 + x, y + 30, color)
    d.text(730, 22, '3. what leaves the grouping', 15, weight='bold')
    d.box(620, 50, 220, 50, 'labels', 'N integers, no gradient')
    d.box(620, 120, 220, 50, 'centroids', 'K × C, with gradient')
    d.box(620, 190, 220, 50, 'counts', 'images per group')
    d.save('local_grouping')


def cross_level_loss() -> None:
    """Features of one view against the centroids of the other."""
    d = Drawing(860, 275, 'Cross-level loss: classify each feature among the groups')
    d.text(140, 24, 'features of view a', 15, BLUE, 'bold')
    d.text(470, 24, 'centroids of view b', 15, ORANGE, 'bold')
    for y in (70, 120, 170, 220):
        d.dot(140, y, BLUE, 9)
    for i, y in enumerate((80, 145, 210)):
        d.cross(470, y, ORANGE)
        d.text(500, y, f'group {i}', 13, anchor='start')
        for x in (70, 120, 170, 220):
            if (x, i) != (120, 1):
                d.arrow((152, x), (455, y), color=GRAY, dashed=True)
    d.arrow((152, 120), (455, 145), color=GREEN)
    d.text(
        300, 252, 'solid: the target, the group of the same image in view b', 13, GREEN
    )
    d.box(
        610, 90, 230, 90, 'cross-entropy', 'softmax over K groups,', 'at temperature T'
    )
    d.save('cross_level_loss')


def way_of_a_batch() -> None:
    """From files to a step of the optimizer."""
    d = Drawing(980, 150, 'The path of a batch through the toolbox')
    steps = (
        ('dataset', 'decode once'),
        ('views', 'q, k (, q2), uint8'),
        ('preprocessor', 'to device, normalize'),
        ('algorithm', 'loss(views, samples)'),
        ('optimizer', 'AMP, then EMA'),
        ('hooks', 'kNN, monitors, save'),
    )
    for i, (name, note) in enumerate(steps):
        x = 15 + i * 162
        d.box(x, 40, 142, 66, name, note, color=(BLUE, GREEN)[i >= 3])
        if i:
            d.arrow((x - 20, 73), (x, 73))
    d.text(250, 128, 'loader processes and device', 13, BLUE)
    d.text(735, 128, 'training step', 13, GREEN)
    d.save('way_of_a_batch')


def memories() -> None:
    """Queue, bank and EMA encoder."""
    d = Drawing(860, 230, 'Where negatives come from: a queue, a bank or no negatives')
    columns = (
        ('MoCo, InfoMin', 'queue', 'keys of past batches', 'from the EMA encoder'),
        ('NPID', 'memory bank', 'one row per image,', 'moving average'),
        ('BYOL', 'no negatives', 'predict the EMA', "encoder's output"),
    )
    for i, (name, kind, *notes) in enumerate(columns):
        x = 20 + i * 285
        d.text(x + 125, 28, name, 17, weight='bold')
        d.box(x, 50, 250, 90, kind, *notes, color=(BLUE, ORANGE, GREEN)[i])
        for j in range(9):
            if i < 2 or j == 4:
                d.dot(x + 25 + j * 25, 175, (BLUE, ORANGE, GREEN)[i], 8)
        note = ('first in, first out', 'row of each image', 'one target per image')[i]
        d.text(x + 125, 206, note, 13)
    d.save('memories')


if __name__ == '__main__':
    for draw in (
        overview,
        two_branches,
        local_grouping,
        cross_level_loss,
        memories,
        way_of_a_batch,
    ):
        draw()

"""Draws recall against time as an SVG file, without a library: a panel for each curve case.

Time is logarithmic. Recall is drawn by the share that is missing, logarithmic as well, because from
.99 to .995 is as far as from .98 to .99: half of what is missing has to be found. What reaches LAST
stands on the uppermost line. The picture brings its own ground, so it reads on dark pages too.
"""
import math
from html import escape

from ann_cases import median
from ann_contenders import EXACT, HNSW, HNSWLIB, IVF, KIN
from ann_report import by_series

LOOK = {KIN: ("#0b62c4", "circle"), EXACT: ("#0f172a", "diamond"), HNSW: ("#c2410c", "square"),
        IVF: ("#15803d", "triangle"), HNSWLIB: ("#9333ea", "cross")}
# Of series that are not above, in the order in which they come.
OTHERS = (("#0891b2", "square"), ("#be185d", "triangle"), ("#65a30d", "cross"),
          ("#7c3aed", "diamond"), ("#b45309", "circle"), ("#475569", "square"))
RECALLS = (0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.998, 0.999)
LAST = 0.9995
INK, SOFT, GRID, GROUND = "#1f2937", "#4b5563", "#e5e7eb", "#ffffff"
WIDTH, HEIGHT = 470, 330                       # of a panel
LEFT, RIGHT, TOP, BOTTOM = 62, 22, 40, 48      # around its axes
HEAD = 74                                      # above the panels: title, a line of the legend
LEGEND_LINE = 18


def line(x1, y1, x2, y2, colour, width=1.0):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def text(x, y, words, size=12, anchor="middle", colour=INK, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}"{more}>{escape(words)}</text>')


def mark(shape, x, y, colour, title=""):
    r = 4.5
    corners = {"square": [(-1, -1), (1, -1), (1, 1), (-1, 1)],
               "diamond": [(0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)],
               "triangle": [(0, -1.3), (1.2, 0.9), (-1.2, 0.9)]}
    hint = f"<title>{escape(title)}</title>" if title else ""
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{colour}">{hint}</circle>'
    if shape == "cross":
        path = (f"M{x - r:.1f} {y - r:.1f}L{x + r:.1f} {y + r:.1f}"
                f"M{x - r:.1f} {y + r:.1f}L{x + r:.1f} {y - r:.1f}")
        return f'<path d="{path}" stroke="{colour}" stroke-width="2.5" fill="none">{hint}</path>'
    points = " ".join(f"{x + dx * r:.1f},{y + dy * r:.1f}" for dx, dy in corners[shape])
    return f'<polygon points="{points}" fill="{colour}">{hint}</polygon>'


class Panel:
    """One case's axes, with its upper left corner at (x, y)."""

    def __init__(self, x, y, points):
        self.left, self.right = x + LEFT, x + WIDTH - RIGHT
        self.top, self.bottom = y + TOP, y + HEIGHT - BOTTOM
        seconds = [median(point) for point in points]
        recalls = [median(point, "recall") for point in points]
        self.low, self.high = min(seconds) / 1.25, max(seconds) * 1.25
        self.least = max(recall for recall in RECALLS if recall <= min(recalls))
        self.lost = [math.log10(1 - self.least), math.log10(1 - LAST)]

    def x(self, seconds):
        share = math.log(seconds / self.low) / math.log(self.high / self.low)
        return self.left + share * (self.right - self.left)

    def y(self, recall):
        lost = math.log10(1 - min(recall, LAST))
        share = (lost - self.lost[0]) / (self.lost[1] - self.lost[0])
        return self.bottom - share * (self.bottom - self.top)

    def ticks(self):
        """Seconds worth a label: 1, 2 and 5 of each decade."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [digit * 10.0 ** decade for decade in decades for digit in (1, 2, 5)
                if self.low <= digit * 10.0 ** decade <= self.high]

    def axes(self, title):
        middle = (self.left + self.right) / 2
        yield text(self.left, self.top - 14, title, 12.5, "start", more=' font-weight="600"')
        for seconds in self.ticks():
            x = self.x(seconds)
            yield line(x, self.top, x, self.bottom, GRID)
            yield text(x, self.bottom + 17, f"{seconds:,.10g}", 11, colour=SOFT)
        for recall in [r for r in RECALLS if r >= self.least] + [1]:
            y = self.y(recall)
            yield line(self.left, y, self.right, y, GRID)
            yield text(self.left - 8, y + 4, f"{recall:g}", 11, "end", SOFT)
        yield line(self.left, self.bottom, self.right, self.bottom, SOFT, 1.2)
        yield line(self.left, self.top, self.left, self.bottom, SOFT, 1.2)
        yield text(middle, self.bottom + 37, "seconds, all steps (logarithmic)", 11.5, colour=SOFT)
        x, y = self.left - 46, (self.top + self.bottom) / 2
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"'
        yield text(x, y, "recall", 11.5, colour=SOFT, more=turned)

    def curve(self, series, points, look):
        colour, shape = look[series]
        at = sorted(((median(point), median(point, "recall"), point["effort"]) for point in points),
                    key=lambda one: one[1])
        if len(at) > 1:
            path = " ".join(f"{self.x(s):.1f},{self.y(r):.1f}" for s, r, _ in at)
            yield (f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
                   'stroke-linejoin="round"/>')
        for seconds, recall, effort in at:
            yield mark(shape, self.x(seconds), self.y(recall), colour,
                       f"{series} {effort}: {seconds:,.1f} s, recall {recall:.4f}")


def look_of(cases):
    """{series: (colour, shape)} of what is drawn, in the order of the legend."""
    present = list(dict.fromkeys(point["series"] for case in cases.values()
                                 for point in case["points"]))
    others = [series for series in present if series not in LOOK]
    return ({series: LOOK[series] for series in LOOK if series in present} |
            {series: OTHERS[at % len(OTHERS)] for at, series in enumerate(others)})


def legend_places(look, width):
    """{series: (x, y)} in as many lines as fit."""
    places, x, y = {}, LEFT, 52
    for series in look:
        taken = 50 + 7.2 * len(series)
        if x + taken > width - RIGHT and x > LEFT:
            x, y = LEFT, y + LEGEND_LINE
        places[series] = (x, y)
        x += taken
    return places


def legend(look, places):
    for series, (x, y) in places.items():
        colour, shape = look[series]
        yield line(x, y, x + 26, y, colour, 2)
        yield mark(shape, x + 13, y, colour)
        yield text(x + 33, y + 4, series, 12, "start")


def picture(cases):
    columns = min(2, len(cases))
    width = columns * WIDTH
    look = look_of(cases)
    places = legend_places(look, width)
    head = HEAD - 52 + max(y for _, y in places.values())
    height = head + math.ceil(len(cases) / columns) * HEIGHT
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" role="img">')
    yield "<title>Recall against time: kin and its peers</title>"
    yield f'<rect width="{width}" height="{height}" rx="8" fill="{GROUND}"/>'
    yield text(LEFT, 28, "Recall against time, both logarithmic; up and left is better", 15,
               "start", more=' font-weight="600"')
    yield from legend(look, places)
    for number, (name, case) in enumerate(cases.items()):
        panel = Panel(number % columns * WIDTH, head + number // columns * HEIGHT, case["points"])
        d = " + ".join(map(str, case["dimensions"]))
        yield from panel.axes(f"{name}: {case['items']:,} × ({d}), K = {case['k']}")
        for series, points in by_series(case["points"]).items():
            yield from panel.curve(series, points, look)
    yield "</svg>"


def draw(results, path):
    cases = {name: case for name, case in results["cases"].items() if case["kind"] == "curve"}
    if cases:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(picture(cases)) + "\n")

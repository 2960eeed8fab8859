"""Drawings to pixels: one rsvg-convert per drawing, several at a time.

A picture is SIDE x SIDE RGBA with the drawing in the middle. Many drawings sit small on a large page: each page is
rendered at SIDE first, and where the ink fills less than CLOSE_UP of it, once more from nearer, so that the thumbnail
shows something and the vector describes the drawing, not the paper. A renderer that takes longer than LIMIT_SECONDS is
killed and its drawing left out: one page must not hold up eight thousand. Cost: 13 ms of a core a rendering.
"""
import collections
import concurrent.futures
import subprocess

import numpy as np

from . import png

SIDE = 96
CLOSE_UP = 0.7
NEAREST = 12.0
LIMIT_SECONDS = 8
_SLACK = 2  # rsvg-convert rounds up: 53 x 97 where 96 was asked for
_BATCH = 1024


def _run(path, side, page=()):
    """The PNG of one drawing fitted into side x side, or the reason (a str) why there is none."""
    command = ["rsvg-convert", "--keep-aspect-ratio", f"--width={side}", f"--height={side}", *page, "--format=png", str(path)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "renderer too slow"
    return done.stdout if done.returncode == 0 and done.stdout else "does not render"


def ink_box(picture):
    """Rows and columns (y0, y1, x0, x1) that hold ink: not transparent and not white. None for a blank page."""
    ink = (picture[..., 3] > 12) & (png.on_white(picture).min(axis=-1) < 248)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return None
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _close_up(path, box):
    """Render one drawing so that the ink, found at `box` in the rendering at SIDE, fills the frame and is centred in it."""
    y0, y1, x0, x1 = box
    # A pixel of ink more on each side: its edges are known to a pixel only.
    scale = min(NEAREST, SIDE / (max(y1 - y0, x1 - x0) + 2))
    left, top = (round(SIDE / 2 - scale * (a + b) / 2) for a, b in ((x0, x1), (y0, y1)))
    page = (f"--page-width={SIDE}", f"--page-height={SIDE}", f"--left={left}", f"--top={top}")
    return _run(path, round(scale * SIDE), page)


def _centred(picture):
    """The picture in the middle of a transparent SIDE x SIDE frame."""
    picture = picture[:SIDE, :SIDE]
    frame = np.zeros((SIDE, SIDE, 4), np.uint8)
    height, width = picture.shape[:2]
    y, x = (SIDE - height) // 2, (SIDE - width) // 2
    frame[y : y + height, x : x + width] = picture
    return frame


def _decode(answers):
    """Turn each name's PNG into pixels; a str (the reason for no PNG) stays what it is."""
    names = [name for name, a in answers.items() if not isinstance(a, str)]
    for at in range(0, len(names), _BATCH):
        part = names[at : at + _BATCH]
        for name, picture in zip(part, png.decode_rgba([answers[name] for name in part], SIDE + _SLACK)):
            answers[name] = "PNG of another kind" if picture is None else picture


def _small(box):
    return max(box[1] - box[0], box[3] - box[2]) < CLOSE_UP * SIDE


def render_all(folder, drawings, jobs, progress):
    """Pictures by name, (SIDE, SIDE, 4) uint8 each, for what shows ink; and a Counter of reasons for the others."""
    answers = {}
    # Threads do: each waits for a process of its own.
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            for name, answer in zip(drawings, pool.map(lambda d: _run(folder / d, SIDE), drawings)):
                answers[name] = answer
                progress.step("drawings rendered", len(answers), len(drawings))
            _decode(answers)
            for name, picture in answers.items():
                if not isinstance(picture, str) and ink_box(picture) is None:
                    answers[name] = "blank"
            boxes = {name: ink_box(a) for name, a in answers.items() if not isinstance(a, str)}
            small = [name for name, box in boxes.items() if _small(box)]
            nearer = {}
            for name, answer in zip(small, pool.map(lambda d: _close_up(folder / d, boxes[d]), small)):
                nearer[name] = answer
                progress.step("close-ups rendered", len(nearer), len(small))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _decode(nearer)
    # A close-up that went wrong is no loss: the page as a whole is still there.
    answers.update({name: p for name, p in nearer.items() if not isinstance(p, str) and ink_box(p) is not None})
    failed = collections.Counter(a for a in answers.values() if isinstance(a, str))
    return {name: _centred(a) for name, a in answers.items() if not isinstance(a, str)}, failed

"""Vectors of pictures: what a drawing looks like, by pixels, colours, edges and outline, reduced by a PCA.

Each drawing is cut to its ink and brought to CANVAS x CANVAS (aspect kept), in Oklab, where equal distances look about
equal. White is the zero, so that paper says nothing. Four blocks, because no one of them finds what people call alike:

    pixels      16 x 16 means of the three channels: layout
    colours     a smoothed histogram of the ink's colours, square-rooted (Hellinger): palette, wherever it is
    edges       histograms of gradient directions in 8 x 8 cells, normalised over 2 x 2 of them (Dalal, Triggs 2005): shape
    outline     12 x 12 means of the ink mask, and the aspect ratio: silhouette, whatever the colour

Each block is centred and scaled to unit mean square, weighted, and all are reduced together to DIMENSIONS. Left out:
anything learned, and any tolerance of rotation or mirroring. Cost: 1.5 ms and 12 KB a drawing.
"""
import numpy as np

from . import png, reduce, render

DIMENSIONS = 256
CANVAS = 48
WEIGHTS = {"pixels": 0.6, "colours": 1.0, "edges": 1.1, "outline": 0.6}
_CHUNK = 256

# Linear sRGB to cone responses, and their cube roots to Oklab (B. Ottosson 2020).
_TO_CONES = np.array([[0.41222147, 0.53633254, 0.05144599], [0.21190350, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.62997870]])
_TO_LAB = np.array([[0.21045426, 0.79361779, -0.00407205], [1.97799850, -2.42859221, 0.45059371], [0.02590404, 0.78277177, -0.80867577]])


def _oklab(rgb):
    """(..., 3) uint8 sRGB to float32 Oklab minus white; the two colour axes count double, as they are half as long."""
    levels = np.arange(256) / 255.0
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)
    lab = np.cbrt(linear[rgb] @ _TO_CONES.T.astype(np.float32)) @ _TO_LAB.T.astype(np.float32)
    return (lab - np.float32([1, 0, 0])) * np.float32([1, 2, 2])


def _sampling(start, length):
    """(CANVAS, SIDE) weights that average the pixels of [start, start + length) into CANVAS cells."""
    edges = start + length * np.arange(CANVAS + 1) / CANVAS
    pixels = np.arange(render.SIDE)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(overlap, 0, None) * CANVAS / length).astype(np.float32)


def _on_canvas(rgba):
    """One picture as (CANVAS, CANVAS, 4) float32: Oklab below white, and ink from 0 to 1; and its log aspect ratio."""
    y0, y1, x0, x1 = render.ink_box(rgba)
    size = max(y1 - y0, x1 - x0)
    rows, columns = (_sampling((a + b - size) / 2, size) for a, b in ((y0, y1), (x0, x1)))
    white = png.on_white(rgba)
    ink = (rgba[..., 3] > 12) & (white.min(axis=-1) < 248)
    layers = np.concatenate([_oklab(white), ink[..., None]], axis=-1).astype(np.float32)
    half = np.tensordot(rows, layers, axes=(1, 0))
    return np.tensordot(columns, half, axes=(1, 1)).transpose(1, 0, 2), np.log((y1 - y0) / (x1 - x0))


def _means(canvas, cells):
    step = CANVAS // cells
    return canvas.reshape(len(canvas), cells, step, cells, step, -1).mean(axis=(2, 4)).reshape(len(canvas), -1)


def _colours(canvas):
    """Square roots of the shares of 6 x 9 x 9 colour bins, blurred so that neighbouring colours are not strangers."""
    bins = (6, 9, 9)
    scaled = (canvas[..., :3] + np.float32([1, 0.6, 0.6])) / np.float32([1.0, 1.2, 1.2]) * bins
    index = np.clip(scaled.astype(int), 0, np.array(bins) - 1)
    flat = np.ravel_multi_index(tuple(np.moveaxis(index, -1, 0)), bins) + np.prod(bins) * np.arange(len(canvas))[:, None, None]
    counts = np.bincount(flat.ravel(), canvas[..., 3].ravel(), len(canvas) * int(np.prod(bins))).reshape(len(canvas), *bins)
    for axis in (1, 2, 3):
        padded = np.pad(counts, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="edge")
        before, after = (np.take(padded, np.arange(counts.shape[axis]) + o, axis) for o in (0, 2))
        counts = 0.5 * counts + 0.25 * (before + after)
    counts = counts.reshape(len(canvas), -1)
    return np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9))


def _edges(canvas):
    """Gradient directions (9, sign ignored) of lightness and ink in 8 x 8 cells, normalised over 2 x 2 cells."""
    count, cells, kinds = len(canvas), 8, 9
    plane = np.pad(canvas[..., 0] - 0.5 * canvas[..., 3], ((0, 0), (1, 1), (1, 1)))
    down = plane[:, 2:, 1:-1] - plane[:, :-2, 1:-1]
    right = plane[:, 1:-1, 2:] - plane[:, 1:-1, :-2]
    place = np.mod(np.arctan2(down, right), np.pi) / np.pi * kinds
    low, strength = np.floor(place), np.hypot(down, right)
    cell = np.arange(CANVAS) // (CANVAS // cells)
    base = ((np.arange(count)[:, None, None] * cells + cell[:, None]) * cells + cell) * kinds
    size = count * cells * cells * kinds
    histogram = np.zeros(size)
    # A direction between two bins counts for both.
    for offset, share in ((0, 1 - (place - low)), (1, place - low)):
        histogram += np.bincount((base + (low.astype(int) + offset) % kinds).ravel(), (strength * share).ravel(), size)
    grid = histogram.reshape(count, cells, cells, kinds)
    blocks = np.concatenate([grid[:, :-1, :-1], grid[:, :-1, 1:], grid[:, 1:, :-1], grid[:, 1:, 1:]], axis=-1)
    blocks /= np.linalg.norm(blocks, axis=-1, keepdims=True) + 0.5
    return np.sqrt(blocks).reshape(count, -1)


def blocks(rgba):
    """The four blocks of (n, SIDE, SIDE, 4) pictures, each (n, its width) float32."""
    parts = []
    for at in range(0, len(rgba), _CHUNK):
        canvases, aspects = zip(*map(_on_canvas, rgba[at : at + _CHUNK]))
        canvas = np.stack(canvases)
        outline = np.column_stack([_means(canvas[..., 3:], 12), 2.0 * np.array(aspects)])
        parts.append((_means(canvas[..., :3], 16), _colours(canvas), _edges(canvas), outline))
    return dict(zip(WEIGHTS, (np.concatenate(p).astype(np.float32) for p in zip(*parts))))


def features(rgba):
    """(n, at most DIMENSIONS) float32 vectors of (n, SIDE, SIDE, 4) uint8 pictures that all show ink."""
    scaled = []
    for name, block in blocks(rgba).items():
        block -= block.mean(axis=0)
        scaled.append(block * (WEIGHTS[name] / max(float(np.sqrt((block**2).sum(axis=1).mean())), 1e-9)))
    return reduce.truncated_svd(np.concatenate(scaled, axis=1), DIMENSIONS).astype(np.float32)

"""Just enough PNG: many small 8-bit RGB or RGBA files to arrays at once, and one RGB array to a file.

Undoing PNG's filters is sequential within a picture, pixel after pixel, which is slow in Python. So a whole batch is
undone at once: the loop runs over the pixels of the frame, each step is an array operation over all pictures. Filters
look left and up only, so pictures of different sizes share one frame, padded right and below. About half a
millisecond a picture. Left out: all but 8-bit RGB and RGBA without interlacing, which is what rsvg-convert writes.
"""
import struct
import zlib

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _inflate(data):
    """Filter kinds (height,) and filtered pixels (height, width, 3 or 4) of one file, or None if it is not such a file."""
    if data[:8] != _SIGNATURE or len(data) < 33:
        return None
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if depth != 8 or colour not in (2, 6) or interlace:
        return None
    channels = 3 if colour == 2 else 4
    body, at = b"", 8
    while at + 8 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"IDAT":
            body += data[at + 8 : at + 8 + length]
        at += length + 12
    try:
        raw = zlib.decompress(body)
    except zlib.error:
        return None
    if len(raw) != height * (1 + channels * width):
        return None
    lines = np.frombuffer(raw, np.uint8).reshape(height, 1 + channels * width)
    return lines[:, 0], lines[:, 1:].reshape(height, width, channels)


def _paeth(left, up, corner):
    # The distances |up - corner|, |left - corner|, |left + up - 2 corner| decide, ties in this
    # order.
    to_left, to_up = np.abs(up - corner), np.abs(left - corner)
    to_corner = np.abs(left + up - 2 * corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))


def decode_rgba(files, side):
    """Pictures of at most side x side pixels: a list, in order, of (height, width, 4) uint8 arrays or None."""
    parts = [_inflate(f) for f in files]
    parts = [p if p is not None and max(p[1].shape[:2]) <= side else None for p in parts]
    count = len(files)
    # Pixel-major, so that one step of the loop touches contiguous memory.
    frame = np.zeros((side, side, count, 4), np.int16)
    kind = np.zeros((side, count), np.uint8)
    for i, part in enumerate(parts):
        if part is not None:
            height, width, channels = part[1].shape
            kind[:height, i] = part[0]
            frame[:height, :width, i, :channels] = part[1]
    above = np.zeros((side + 1, count, 4), np.int16)  # the row above, shifted by one: [0] is left of the picture
    for y in range(side):
        use = [kind[y] == k for k in range(5)]
        row = np.zeros_like(above)
        for x in range(side):
            left, up, corner = row[x], above[x + 1], above[x]
            value = frame[y, x].copy()
            value[use[1]] += left[use[1]]
            value[use[2]] += up[use[2]]
            value[use[3]] += (left[use[3]] + up[use[3]]) >> 1
            value[use[4]] += _paeth(left[use[4]], up[use[4]], corner[use[4]])
            row[x + 1] = value & 255
        frame[y] = row[1:]
        above = row
    return [None if p is None else _whole(frame[: p[1].shape[0], : p[1].shape[1], i], p[1].shape[2]) for i, p in enumerate(parts)]


def _whole(pixels, channels):
    rgba = pixels.astype(np.uint8)
    if channels == 3:
        rgba[..., 3] = 255
    return rgba


def on_white(rgba):
    """(..., 4) uint8 with straight alpha over white: (..., 3) uint8."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def encode_rgb(rgb):
    """(height, width, 3) uint8 as a PNG file; of two filterings (none, or the difference to the row above) the smaller."""
    height, width, _ = rgb.shape
    flat = rgb.reshape(height, 3 * width)
    up = np.diff(flat, axis=0, prepend=np.zeros((1, 3 * width), np.uint8))
    bodies = [np.insert(rows, 0, kind, axis=1).tobytes() for kind, rows in ((0, flat), (2, up))]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = min((zlib.compress(b, 6) for b in bodies), key=len)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")

"""The cases growth and ten of tools/bench/ann: seconds, recall, memory and bytes written by size.

Catalogs are `kin gen`'s, 96 + 128 dimensions of float16. Bytes are counted twice: what the process
made the kernel write (a page whenever it is dirtied anew), and what reached the block device
between two syncs, which other processes on the machine add to. Both are held against the folder's
bytes.
"""
import os
import shutil
import sys

import numpy as np

import ann_contenders as contenders
import device
from ann_cases import describe, median, points_of, sample_rows, say
from ann_contenders import Question
from graph_file import Graph
from recall import Evaluator
from sample import Truth

DIMENSIONS, BYTES, OPTIONS = (96, 128), 2, ("--dtype", "float16")
SIZES = (250000, 500000, 1000000, 2000000, 4000000)
TEN = 10000000
ROWS = 1000          # of the sample
GRAPHS_ON_DISK = 1.7  # folders' worth that may be there at once: arrays, and an archive or a log
RESERVE = 1 << 30


def needed_bytes(items, k):
    """Inputs, and a graph of 8 bytes a pair and 2 a modality with what stands beside it."""
    graph = items * k * (8 + 2 * len(DIMENSIONS))
    return items * sum(DIMENSIONS) * BYTES + round(GRAPHS_ON_DISK * graph) + RESERVE


def check_disk(items, k, work):
    needed, there = needed_bytes(items, k), device.free(work)
    if there < needed:
        sys.exit(f"{items:,} items need {needed / 2**30:.1f} GiB of disk below {work}, "
                 f"{there / 2**30:.1f} are free: set TMPDIR to a larger one, or --growth-items")


def measured(contender, question):
    """One build with what it wrote; the graph's folder is the caller's to remove."""
    os.sync()
    before = device.written(question.work)
    with device.Lowest(question.work) as space:
        finding, out = contender.build(question)
    os.sync()
    after = device.written(question.work)
    finding |= {"device_bytes": None if before is None else after - before,
                "folder_bytes": device.folder_bytes(out), "disk_taken": space.taken}
    return finding, out


def size(options, maker, work, items):
    catalog = maker.generated(items, *OPTIONS, dimensions=DIMENSIONS)
    rows = sample_rows(options, catalog.items, ROWS)
    say(f"{catalog.items} items: exact neighbours of {len(rows)} rows")
    evaluator = Evaluator.of_vectors(Truth(catalog.paths, catalog.weights, rows,
                                           options.missing == "renorm"), options.top_k)
    question = Question(catalog, options.top_k, rows, work)
    asked = contenders.with_before(options, [contenders.kin_join(
        options, options.target, "--missing", options.missing)])
    findings = []
    for _ in range(options.repeat or 1):
        for one in asked:
            finding, out = measured(one, question)
            finding["recall"] = float(evaluator.recalls(Graph(out).rows(rows)).mean())
            shutil.rmtree(out)
            say(f"{one.series}: {finding['seconds']:.1f} s, recall {finding['recall']:.4f}")
            findings.append(finding)
    return {**describe(catalog, options), "rows": len(rows), "points": points_of(findings)}


def exponents(sizes):
    """By series: how seconds grow with items, from a line through the logarithms."""
    found = {}
    for at, point in enumerate(sizes[0]["points"]):
        seconds = [median(one["points"][at]) for one in sizes]
        items = [one["items"] for one in sizes]
        found[point["series"]] = float(np.polyfit(np.log(items), np.log(seconds), 1)[0])
    return found


def sizes_of(options, maker, work, sizes):
    found = []
    for items in sizes:
        check_disk(maker.count(items), options.top_k, work)
        found.append(size(options, maker, work, items))
    return {"kind": "growth", "target": options.target, "sizes": found,
            "exponents": exponents(found) if len(found) > 1 else {}}


def growth(options, maker, work):
    return sizes_of(options, maker, work, options.growth_items or SIZES)


def ten(options, maker, work):
    return sizes_of(options, maker, work, [TEN])

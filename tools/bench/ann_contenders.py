"""Who takes part in tools/bench/ann: kin as whole processes, and the peers' programs.

A contender's run gives a list of findings: {"series", "effort", "seconds", "parts", "rss_mib",
"own_mib", "ids"}, one for each point of its curve. A peer loads and builds once and searches once
per effort; the seconds of a point are those of loading, building and its own search.
"""
import os
import shutil

import numpy as np

import common
import wheels
from graph_file import Graph

KIN, EXACT = "kin join", "kin exact"
BEFORE = " before"  # behind the series of the kin of --before
HNSW, IVF, HNSWLIB = "FAISS HNSW32", "FAISS IVF-Flat", "hnswlib"
PROCESS = ("cpu_seconds", "written_bytes")
SERIES = {"join": KIN, "exact": EXACT, "faiss-hnsw": HNSW, "faiss-ivf": IVF, "hnswlib": HNSWLIB}
GATE = 3        # kin's exit status when a graph was written and a target not reached
LARGE = 400000  # items from which a curve has fewer points


class Question:
    """What each contender is asked: the K best of all items of a catalog; `rows` are looked at."""

    def __init__(self, catalog, k, rows, work):
        self.catalog, self.k, self.rows, self.work = catalog, k, rows, work
        self.rows_file = os.path.join(work, "rows.txt")
        self.truth_file = os.path.join(work, "truth.npz")  # of peers; saved by who has it
        np.savetxt(self.rows_file, rows, fmt="%d")


class Kin:
    def __init__(self, series, effort, engine, arguments, kin=common.KIN):
        self.series, self.effort, self.engine = series, effort, engine
        self.arguments, self.kin = arguments, kin

    def build(self, question):
        """The finding without ids, and the graph's folder, which is the caller's to remove."""
        out = os.path.join(question.work, "graph-" + self.series.replace(" ", "-"))
        command = common.kin_command(self.engine, question.catalog.sources(), question.k, out,
                                     *self.arguments, kin=self.kin)
        report = common.measured(command, good=(0, GATE))
        facts = common.manifest(out)
        return {"series": self.series, "effort": self.effort, "seconds": report["seconds"],
                "parts": facts["run"].get("seconds", {}), "rss_mib": report["rss_kib"] / 1024,
                "own_mib": facts["run"]["peak_memory_bytes"] / 2 ** 20,
                "promise": promise(facts), **{name: report[name] for name in PROCESS}}, out

    def before(self, kin):
        """The same asked of another binary."""
        return Kin(self.series + BEFORE, self.effort, self.engine, self.arguments, kin)

    def run(self, question):
        finding, out = self.build(question)
        finding["ids"] = Graph(out).rows(question.rows)
        shutil.rmtree(out)
        return [finding]


class Peer:
    def __init__(self, series, command, efforts):
        self.series, self.command, self.efforts = series, command, efforts

    def run(self, question):
        answers = common.lines([*self.command, str(question.k), question.rows_file, question.work,
                                ",".join(map(str, self.efforts)), *question.catalog.sources()])
        findings = []
        for line in answers:
            parts = {name: line[name + "_seconds"] for name in ("load", "build", "search")}
            findings.append({"series": self.series, "effort": line["effort"],
                             "seconds": line["total_seconds"], "parts": parts,
                             "rss_mib": line["peak_rss_bytes"] / 2 ** 20,
                             "ids": list(np.load(line["ids"]))})
            os.remove(line["ids"])
        return findings


def promise(facts):
    """What the manifest of an approximate graph says about its own recall: a dict, or None."""
    said = facts.get("recall", facts["run"].get("recall"))
    if isinstance(said, (int, float)):
        return {"mean": said}
    return said if isinstance(said, dict) else None


def kin_join(options, target, *more):
    if options.plain_join:
        return Kin(KIN, "defaults", "join", [*options.kin_args, *more])
    return Kin(KIN, target, "join", ["--target-recall", f"{target:g}", *options.kin_args, *more])


def kin_exact(options):
    return Kin(EXACT, "", "exact", ["--missing", options.missing])


def peer_program(options, name):
    return os.path.join(options.peers_build, name)


def efforts(options, items):
    """Of each peer. hnswlib takes max(ef, K + 1). FAISS keeps max(efSearch, K + 1) candidates but
    stops by efSearch alone, so it can be asked for less, and its curve begins lower."""
    k, large = options.top_k, items >= LARGE
    shares = (0.5, 0.75, 1, 1.5, 2) if large else (0.25, 0.5, 0.75, 1, 1.5, 2, 3)
    ef = options.ef or sorted({max(1, round(k * share)) for share in shares})
    full = options.ef or [k + 1, round(1.5 * k), 2 * k] + ([] if large else [3 * k])
    return {HNSW: ef, HNSWLIB: sorted({max(k + 1, effort) for effort in full}),
            IVF: options.probes or ((16, 32, 64, 128) if large else (8, 16, 32, 64, 128))}


def wheels_of(options):
    """FAISS alone can be asked for less than K + 1."""
    ef = options.wheel_ef or []
    full = sorted({max(options.top_k + 1, effort) for effort in ef})
    return [wheels.Wheel(peer, options.peers_env, ef if peer == "hnsw" else full, options.targets,
                         options.threads) for peer in options.wheels]


def with_before(options, found):
    """Each of kin's own followed by the same of --before."""
    if not options.before:
        return found
    return [one for own in found for one in (own, own.before(options.before))]


def all_of(options, items):
    """Each contender that was not left out and is there, in the order of taking turns."""
    effort = efforts(options, items)
    targets = options.targets[:1] if options.plain_join else options.targets
    peers = peer_program(options, "bench-ann-peers")
    found = with_before(options, [
        *(kin_join(options, target, "--missing", options.missing) for target in targets),
        kin_exact(options)])
    found += [Peer(HNSW, [peers, "hnsw"], effort[HNSW]), Peer(IVF, [peers, "ivf"], effort[IVF])]
    if os.path.exists(peer_program(options, "bench-hnswlib")):
        found.append(Peer(HNSWLIB, [peer_program(options, "bench-hnswlib")], effort[HNSWLIB]))
    return [one for one in found
            if one.series.removesuffix(BEFORE) not in options.skipped] + wheels_of(options)

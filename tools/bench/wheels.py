"""The newest peers from Python wheels, as contenders: wheel_peer.py run in the environment that
tools/bench/peers-setup made."""
import os

import common

SERIES = {"flat": "wheel FAISS Flat", "panorama": "wheel FAISS PCA + Panorama",
          "panorama-plain": "wheel FAISS FlatL2Panorama", "hnsw": "wheel FAISS HNSW32",
          "hnswlib": "wheel hnswlib", "usearch": "wheel usearch"}
EXACT = ("flat", "panorama", "panorama-plain")
ENVIRONMENT = os.path.join(common.ROOT, "build", "peers")
PROGRAM = os.path.join(common.ROOT, "tools", "bench", "wheel_peer.py")


def program(environment, peer):
    return [os.path.join(environment, "bin", "python"), PROGRAM, peer]


def missing(environment):
    """What to say where the environment is not there; None where it is."""
    path = os.path.join(environment, "bin", "python")
    return None if os.path.exists(path) else f"{path} is missing: tools/bench/peers-setup"


def about(environment, peer):
    return common.answer([*program(environment, peer), "about"])


def add_options(group, known):
    """--wheels of the known ones, --before, and what goes with them."""
    add = group.add_argument
    add("--before", metavar="KIN", help="a kin binary that takes turns with this build's")
    add("--wheels", type=common.words_of(known), default=[], metavar="LIST",
        help="of " + ", ".join(known))
    add("--peers-env", default=ENVIRONMENT, metavar="DIR",
        help="where tools/bench/peers-setup installed wheels (default: build/peers)")
    add("--core-type", default="auto", metavar="NAME",
        help="OPENBLAS_CORETYPE of all programs; auto (default), or none to leave it unset")


def refuse_what_is_missing(parser, options):
    if options.wheels and missing(options.peers_env):
        parser.error(missing(options.peers_env))
    if options.before and not os.access(options.before, os.X_OK):
        parser.error(f"{options.before} is no program")


def finding(series, line):
    """What one line of a peer says; what was found for the sampled rows is read and removed. Where
    a target was asked for, the effort that reaches it may differ from round to round."""
    import numpy as np  # not needed to print --help
    ids = list(np.load(line["ids"]))
    os.remove(line["ids"])
    found = {"series": series, "effort": line["effort"] or "", "seconds": line["total_seconds"],
             "parts": {name: line[name + "_seconds"] for name in ("load", "build", "search")},
             "rss_mib": line["peak_rss_bytes"] / 2 ** 20, "ids": ids}
    if line["target"]:
        found |= {"effort": f"reaching {line['target']:g}", "ef": line["effort"]}
    return found


class Wheel:
    """A peer at given efforts, or at the lowest that reach given recalls."""

    def __init__(self, peer, environment, efforts, targets, threads):
        self.peer, self.series, self.efforts, self.targets = peer, SERIES[peer], efforts, targets
        self.command = [*program(environment, peer), "--threads", str(threads)]

    def run(self, question):
        command = [*self.command, "--top-k", str(question.k), "--rows", question.rows_file, "--out",
                   question.work]
        if self.peer in EXACT:
            pass
        elif self.efforts:
            command += ["--efforts", ",".join(map(str, self.efforts))]
        else:
            command += ["--targets", ",".join(f"{target:g}" for target in self.targets), "--truth",
                        question.truth_file]
        return [finding(self.series, line)
                for line in common.lines([*command, *question.catalog.sources()])]

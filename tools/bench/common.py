"""What tools/bench/stream, -exact and -ann share: running contenders, reading their results.

The variables OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are unset for every child: they choose slower
kernels than the library's own choice, on this machine or another. A benchmark may set `core_type`,
which is then every child's (core_type.py). kin's own variables, which set options, are unset too.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "release")
KIN = os.path.join(BUILD, "kin")
FLAT = os.path.join(BUILD, "bench-flat")
RATES = os.path.join(BUILD, "bench-rates")
RUNNER = os.path.join(ROOT, "tools", "bench", "runner.py")
core_type = None  # OPENBLAS_CORETYPE of every child


def environment():
    dropped = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    found = {name: value for name, value in os.environ.items()
             if name not in dropped and not name.startswith(("KIN_", "SIMILARITY_"))}
    return found | ({"OPENBLAS_CORETYPE": core_type} if core_type else {})


def measured(command, stdout=subprocess.DEVNULL, good=(0,)):
    """What runner.py reports. An exit status that is not among the good ones ends the benchmark."""
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as pipe:
        done = subprocess.run([sys.executable, "-S", "-E", RUNNER, str(write_end), *command],
                              env=environment(), stdout=stdout, stderr=subprocess.PIPE,
                              pass_fds=[write_end])
        os.close(write_end)
        report = json.loads(pipe.read() or "{}")
    if report.get("status") not in good:
        sys.exit(f"{' '.join(command)}: exit {report.get('status')}\n{done.stderr.decode()}")
    return report


def timed(command, stdout=subprocess.DEVNULL, good=(0,)):
    """Seconds of wall clock and the peak resident set in MiB, mapped inputs included."""
    report = measured(command, stdout, good)
    return report["seconds"], report["rss_kib"] / 1024


def answer(command):
    """The JSON that a command prints."""
    done = subprocess.run(command, env=environment(), capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.decode()}")
    return json.loads(done.stdout)


def lines(command):
    """The JSON documents that a command prints, one a line."""
    with tempfile.TemporaryFile() as out:
        timed(command, out)
        out.seek(0)
        return [json.loads(line) for line in out]


def doctor(kin=KIN):
    return answer([kin, "doctor", "--json", "-"])


def words_of(known):
    def parse(text):
        found = [word for word in text.split(",") if word]
        if not found or not set(found) <= set(known):
            raise argparse.ArgumentTypeError("takes " + ", ".join(known))
        return found
    return parse


def flat_command(sources, top_k, out):
    return [FLAT, str(top_k), out, *sources]


def kin_command(engine, sources, top_k, out, *more, kin=KIN):
    command = [kin, "build", "--engine", engine, "--top-k", str(top_k), "--out", out, "--force"]
    for source in sources:
        command += ["--modality", source]
    return command + list(more)


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def manifest(folder):
    return read_json(os.path.join(folder, "manifest.json"))


def ratio(seconds_of_peer, seconds):
    """How many times as long the peer takes: the median of the rounds' own ratios."""
    return statistics.median(peer / own for peer, own in zip(seconds_of_peer, seconds))


def spread(values, digits=2):
    """The median, and the least and the largest where there are several."""
    text = f"{statistics.median(values):,.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):,.{digits}f} - {max(values):,.{digits}f})"
    return text


def print_table(head, rows, markdown):
    if markdown:
        for cells in [head, ["---"] * len(head), *rows]:
            print("| " + " | ".join(cells) + " |")
    else:
        width = [max(len(cells[i]) for cells in [head, *rows]) for i in range(len(head))]
        for cells in [head, *rows]:
            line = [cells[0].ljust(width[0])]
            line += [cell.rjust(w) for cell, w in zip(cells[1:], width[1:])]
            print("  ".join(line).rstrip())
    print()


def catalog_line(facts, top_k, rounds):
    dimensions = " + ".join(str(modality["dimensions"]) for modality in facts["modalities"])
    return f"{facts['items']} items, dimensions {dimensions}, K = {top_k}, {rounds} rounds"


def machine_line(facts):
    run = facts["run"]
    return (f"{run['cpu']}, {run['threads']} threads, {run['blas']}, core type {run['blas_core']}, "
            f"kernels {run['kernels']}, kin {run['kin']}, FAISS {run['faiss']}")

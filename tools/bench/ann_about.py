"""What tools/bench/ann ran on and against: lines for the top of its report."""
import os
import re
import subprocess

import ann_contenders as contenders
import common
import wheels
from ann_catalogs import SEED


def packaged(name):
    """The version of an installed Debian package, or None."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True,
                          text=True)
    return done.stdout if done.returncode == 0 and done.stdout else None


def widest_registers(library):
    """Which vector registers a library's code uses: what it was compiled for shows there."""
    try:
        with subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", library],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as dump:
            names = {name for line in dump.stdout for name in re.findall("%([yz]mm)", line)}
    except OSError:
        return "unknown, objdump is missing"
    if "zmm" in names:
        return "512 bits (AVX-512)"
    return "256 bits (AVX)" if "ymm" in names else "128 bits or none"


def faiss_line(options):
    about = common.answer([contenders.peer_program(options, "bench-ann-peers"), "about"])
    library = about["build"]
    place = os.path.basename(os.path.dirname(os.path.dirname(library))) or "unknown"
    flags = "" if "/kin/faiss-" not in library else ", as tools/setup builds it"
    registers = widest_registers(library)
    return f"{about['peer']}{flags} ({place}); vector registers of {registers}"


def hnswlib_line(options):
    program = contenders.peer_program(options, "bench-hnswlib")
    if not os.path.exists(program):
        return "hnswlib: not built (libhnswlib-dev)"
    version = packaged("libhnswlib-dev") or "of unknown version"
    return f"hnswlib {version}, {common.answer([program, 'about'])['build']}"


def wheel_line(options, peer):
    about = wheels.about(options.peers_env, peer)
    words = [f"{wheels.SERIES[peer]}: {about['peer']}", about["build"]]
    if about["blas_core"]:
        words.append(f"its OpenBLAS as {about['blas_core']}")
    if "library" in about:
        words.append(f"vector registers of {widest_registers(about['library'])}")
    return ", ".join(words)


def before_line(options):
    facts = common.doctor(options.before)
    return f"before: kin {facts['kin']}, {facts['compiler']}"


def lines(options):
    facts = common.doctor()
    return [
        f"{facts['cpu']}, {facts['threads']} threads, {facts['blas']}, core type "
        f"{facts['blas_core']}, kernels {facts['kernels']}, kin {facts['kin']}, "
        f"{facts['compiler']}; load before the run {os.getloadavg()[0]:.2f}",
        faiss_line(options) + "; " + hnswlib_line(options),
        *(wheel_line(options, peer) for peer in options.wheels),
        *([before_line(options)] if options.before else []),
        f"M = 32, efConstruction = 100; 4 sqrt(n) lists. Sample seed {options.seed}, catalog seed "
        f"{SEED}.",
        "Peers' seconds are loading, building and one search of all rows, without writing a graph; "
        "kin's are whole processes, graphs written and synced."]

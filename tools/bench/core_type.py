"""Which of OpenBLAS's types of CPU the programs of a benchmark run as, the same for all of them.

An OpenBLAS older than its CPU takes the kernels of a CPU that it knows: 0.3.15, which faiss-cpu's
wheel brings, takes a Zen 4 for a Zen (AVX2) and a Xeon of 2023 for a Prescott (SSE3, a fifth of the
speed). Where one of the programs would run on less than the CPU has, all of them are given the type
that fits (OPENBLAS_CORETYPE); where none would, each keeps its own choice.
"""
import common
import wheels

# What /proc/cpuinfo has to list, the type that fits then, and types that use as much.
FITTING = (
    ({"avx512f", "avx512bw", "avx512dq", "avx512vl"}, "SkylakeX",
     {"skylakex", "cooperlake", "sapphirerapids"}),
    ({"avx2", "fma"}, "Haswell", {"haswell", "zen", "skylakex", "cooperlake", "sapphirerapids"}),
)


def cpu_flags():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((set(line.split(":")[1].split()) for line in file
                         if line.startswith("flags")), set())
    except OSError:
        return set()


def chosen(own_choices, flags=None):
    """The type to set, or None. own_choices: what each library takes when nothing is set."""
    flags = cpu_flags() if flags is None else flags
    for wanted, name, as_good in FITTING:
        if wanted <= flags:
            known = all(choice.lower() in as_good for choice in own_choices if choice)
            return None if known else name
    return None


def wheels_own(options):
    found = {wheels.about(options.peers_env, peer)["blas_core"] for peer in options.wheels}
    return sorted(found - {None})


def set_for_all(options):
    """What --core-type asks for; auto asks the libraries what they take with nothing set."""
    common.core_type = None
    if options.core_type == "auto":
        common.core_type = chosen([common.doctor()["blas_core"], *wheels_own(options)])
    elif options.core_type != "none":
        common.core_type = options.core_type


def line(options):
    """What stands beside every table."""
    facts = common.doctor()
    words = [facts["cpu"], f"{facts['threads']} threads",
             f"OPENBLAS_CORETYPE {common.core_type or 'not set'}",
             f"kin's OpenBLAS as {facts['blas_core']}"]
    own = wheels_own(options)
    return ", ".join(words + (["the wheels' as " + ", ".join(own)] if own else []))

"""Which of OpenBLAS's types of CPU the programs of a benchmark run as, the same for all of them.

An OpenBLAS older than its CPU takes the kernels of a CPU that it knows: 0.3.15, which faiss-cpu's
wheel brings, takes a Zen 4 for a Zen (AVX2) and a Xeon of 2023 for a Prescott (SSE3, a fifth of the
speed). Where one of the programs would run on less than the CPU has, all of them are given the type
that fits (OPENBLAS_CORETYPE); where none would, each keeps its own choice.
"""
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

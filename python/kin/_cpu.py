"""Whether this CPU runs libkin, asked before the library is loaded.

libkin is compiled for x86-64-v3, and its first instruction may be one that an older CPU does not know. The kernel's
list of flags is asked, as Python cannot execute CPUID.
"""
from __future__ import annotations

import platform

# What x86-64-v3 adds to x86-64, by the names of /proc/cpuinfo (pni is SSE3, abm has LZCNT).
X86_64_V3 = frozenset(
    "cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2 avx avx2 bmi1 bmi2 f16c fma abm movbe xsave".split())
CPUINFO = "/proc/cpuinfo"


def missing_flags(cpuinfo: str) -> list[str]:
    """The flags that the first CPU of a text like /proc/cpuinfo lacks; none where the text lists no flags."""
    for line in cpuinfo.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return sorted(X86_64_V3 - set(flags.split()))
    return []


def check() -> None:
    """Raises ImportError on an x86 CPU that is too old. Where the flags cannot be read nothing is known."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return
    try:
        with open(CPUINFO, encoding="utf-8", errors="replace") as file:
            missing = missing_flags(file.read())
    except OSError:
        return
    if missing:
        raise ImportError("kin is built for x86-64-v3 CPUs (AVX2, BMI2, FMA, F16C: 2015 and later); this CPU lacks "
                          + ", ".join(missing))

"""Markdown tables of what tools/bench/ann found, ready for docs/PERFORMANCE.md."""
import statistics

import common
import wheels
from ann_cases import attempts, lower_bound, median
from ann_contenders import BEFORE, EXACT, HNSW, HNSWLIB, IVF, KIN

EFFORT = {KIN: "target ", HNSW: "ef ", HNSWLIB: "ef ", IVF: "nprobe ", EXACT: ""}
EFFORT |= {KIN + BEFORE: "target ", EXACT + BEFORE: "", wheels.SERIES["hnsw"]: "ef ",
           wheels.SERIES["hnswlib"]: "ef ", wheels.SERIES["usearch"]: "ef "}
LEVELS = (0.90, 0.95, 0.97, 0.99, 0.995)


def table(head, rows):
    common.print_table(head, list(rows), True)


def column(point, name):
    return [finding[name] for finding in point["rounds"]]


def number(values, digits):
    return f"{statistics.median(values):.{digits}f}"


def catalog_line(facts):
    dimensions = " + ".join(map(str, facts["dimensions"]))
    weights = " / ".join(f"{weight:g}" for weight in facts["weights"])
    return f"{facts['items']:,} x ({dimensions}), K = {facts['k']}, weights {weights}"


# ---- curves -------------------------------------------------------------------------------------

def by_series(points):
    found = {}
    for point in points:
        found.setdefault(point["series"], []).append(point)
    return found


def parts(point):
    """What a peer's seconds are made of; kin's stages are many and stand in its manifests."""
    first = point["rounds"][0]["parts"]
    if set(first) != {"load", "build", "search"}:
        return "-"
    return " + ".join(f"{statistics.median(f['parts'][name] for f in point['rounds']):,.1f}"
                      for name in ("load", "build", "search"))


def effort_text(point):
    effort = point["effort"]
    if effort[:1].isdigit():
        return EFFORT[point["series"]] + effort
    found = sorted({finding["ef"] for finding in point["rounds"] if "ef" in finding})
    return effort + (f" (ef {', '.join(map(str, found))})" if found else "")


def point_row(point, both_recalls):
    effort = effort_text(point)
    cells = [point["series"], effort or "-", number(column(point, "recall"), 4)]
    if both_recalls:
        asked = [f.get("recall_asked", f["recall"]) for f in point["rounds"]]
        cells.append(number(asked, 4))
    own = column(point, "own_mib") if "own_mib" in point["rounds"][0] else None
    return [*cells, common.spread(column(point, "seconds")), parts(point),
            f"{max(own):,.0f}" if own else "-", f"{max(column(point, 'rss_mib')):,.0f}"]


def fastest(points, level):
    """The least median seconds at that recall or better; None where it was not reached."""
    return min((median(point) for point in points if median(point, "recall") >= level),
               default=None)


def level_rows(points):
    for series, own in by_series(points).items():
        cells = [series]
        for level in LEVELS:
            seconds = fastest(own, level)
            kin = fastest(by_series(points).get(KIN, []), level)
            text = "-" if seconds is None else f"{seconds:,.1f} s"
            if seconds and kin and series != KIN:
                text += f" ({seconds / kin:.{1 if seconds > kin else 2}f} x)"
            cells.append(text)
        yield cells


def gib(values):
    known = [value for value in values if value is not None]
    return f"{statistics.median(known) / 2**30:,.2f}" if known else "-"


def same_before(points, point):
    """The point of the kin before, at the same effort, or None."""
    return next((one for one in points if one["series"] == point["series"] + BEFORE
                 and one["effort"] == point["effort"]), None)


def before_row(now, before, more=()):
    """Ratios are medians of the rounds' own: contenders took turns."""
    columns = [(column(now, name), column(before, name)) for name in ("seconds", "cpu_seconds")]
    ratios = [f"{1 / common.ratio(old, new):.2f}" for new, old in columns]
    (new, old), (new_cpu, old_cpu) = columns
    return [now["series"], effort_text(now) or "-", common.spread(old), common.spread(new),
            ratios[0],
            f"{number(old_cpu, 1)} to {number(new_cpu, 1)}", ratios[1],
            f"{number(column(before, 'recall'), 4)} to {number(column(now, 'recall'), 4)}",
            f"{max(column(before, 'own_mib')):,.0f} to {max(column(now, 'own_mib')):,.0f}", *more]


BEFORE_HEAD = ["engine", "effort", "seconds before", "now", "now / before", "processor seconds",
               "now / before", "recall", "own MiB"]


def print_before(points):
    """The commit before against this one, and the join against the exact engine of its rounds."""
    pairs = [(point, same_before(points, point)) for point in points]
    rows = [before_row(now, before) for now, before in pairs if before]
    if rows:
        table(BEFORE_HEAD, rows)
    exact = next((point for point in points if point["series"] == EXACT), None)
    for point in points:
        if exact and point["series"] == KIN:
            share = 1 / common.ratio(column(exact, "seconds"), column(point, "seconds"))
            print(f"{KIN}, {effort_text(point)}: {share:.2f} of the time of {EXACT}.")
            print()


def print_curve(name, case):
    print(f"**{name}**: {catalog_line(case)}, rounds: {case['rounds']}, recall on "
          f"{case['rows']:,} random rows (seed {case['seed']})")
    print()
    both = any("recall_asked" in f for point in case["points"] for f in point["rounds"])
    if both:
        print(f"{case['incomplete']:,} items lack a modality. Peers know no rule for that: their "
              "`recall` takes what is missing as zero in the truth too. Against the truth of "
              "`--missing renorm`, which kin was asked for, stands in the next column.")
        print()
    table(["engine", "effort", "recall", *(["by renorm"] if both else []), "seconds",
           "load + build + search", "own MiB", "RSS MiB"],
          (point_row(point, both) for point in case["points"]))
    print(f"Least seconds at a recall of at least that (times of {KIN}):")
    print()
    table(["engine", *(f"{level:g}" for level in LEVELS)], level_rows(case["points"]))
    print_before(case["points"])


# ---- the others ---------------------------------------------------------------------------------

def growth_row(one, point):
    def times(name):
        values = [f[name] / f["folder_bytes"] for f in point["rounds"] if f[name] is not None]
        return f"{statistics.median(values):.2f}" if values else "-"
    return [catalog_line(one), point["series"], number(column(point, "recall"), 4),
            common.spread(column(point, "seconds"), 1), number(column(point, "cpu_seconds"), 1),
            str(max(map(attempts, point["rounds"]))), f"{max(column(point, 'own_mib')):,.0f}",
            gib(column(point, "folder_bytes")), times("written_bytes"), times("device_bytes"),
            gib(column(point, "disk_taken"))]


def print_growth(name, case):
    print(f"**{name}**: {KIN}, target {case['target']:g}, float16; recall on "
          f"{case['sizes'][0]['rows']:,} random rows. Bytes written by the process and by the "
          "device are in times of the folder's.")
    print()
    table(["catalog", "engine", "recall", "seconds", "processor s", "evaluated", "own MiB",
           "folder GiB", "process / folder", "device / folder", "most disk taken, GiB"],
          (growth_row(one, point) for one in case["sizes"] for point in one["points"]))
    for series, exponent in case["exponents"].items():
        print(f"{series}: seconds grow with items to the power of {exponent:.2f}.")
        print()


def percent(values):
    return f"{100 * statistics.median(values):.2f} %"


def top_row(entry, point):
    return [entry["what"], f"{entry['items']:,}", point["series"], effort_text(point),
            common.spread(column(point, "seconds")), number(column(point, "cpu_seconds"), 1),
            *(number(column(point, name), 5) for name in ("recall_1", "recall_10", "recall")),
            percent(column(point, "low_rows")), number(column(point, "worst_row"), 3)]


def print_top(name, case):
    print(f"**{name}**: recall of the first 1, the first 10 and of K, over all rows, against "
          f"{EXACT} (its own recall on random rows in double precision: " +
          ", ".join(f"{entry['recall_of_exact']:.4f}" for entry in case["entries"]) + ")")
    print()
    table(["catalog", "items", "engine", "effort", "seconds", "processor s", "recall of 1", "of 10",
           "of K", "rows below .9", "worst row"],
          (top_row(entry, point) for entry in case["entries"] for point in entry["points"]))
    for entry in case["entries"]:
        for point in entry["points"]:
            before = same_before(entry["points"], point)
            if before:
                ratio = 1 / common.ratio(column(before, "seconds"), column(point, "seconds"))
                print(f"{entry['what']}, {effort_text(point)}: {ratio:.2f} of the time before.")
                print()


def twice(runs):
    """How many of the runs were evaluated more than once."""
    return sum(attempts(run) > 1 for run in runs)


def print_twice(series, runs):
    print(f"{series}: evaluated twice or more, {twice(runs)} of {len(runs)} runs.")
    print()


def hard_rows(case):
    for entry in case["entries"]:
        exact = next(point for point in entry["points"] if point["series"] == EXACT)
        seconds = column(exact, "seconds")
        for join in entry["points"]:
            if join["series"] == EXACT:
                continue
            in_turns = column(join, "seconds")[:len(seconds)]
            yield [entry["what"], f"{entry['items']:,}", str(entry["k"]), join["series"],
                   common.spread(seconds), common.spread(in_turns),
                   f"{common.ratio(seconds, in_turns):.2f}", number(column(join, "recall"), 4),
                   f"{min(column(join, 'worst_row')):.3f}",
                   f"{twice(join['rounds'])} of {len(join['rounds'])}",
                   number(column(exact, "recall"), 4)]


def print_hard(name, case):
    print(f"**{name}**: {KIN}, target {case['target']:g}, against {EXACT}; recall over all rows, "
          "that of exact on random rows in double precision; a run a seed")
    print()
    table(["what is hard", "items", "K", "engine", "exact s", "join s", "exact / join", "recall",
           "worst row", "evaluated twice", "recall of exact"], hard_rows(case))
    by = by_series(point for entry in case["entries"] for point in entry["points"])
    for series, points in by.items():
        if series != EXACT:
            print_twice(series, [run for point in points for run in point["rounds"]])


def print_promise(name, case):
    def row(entry):
        runs = entry["runs"]
        true = [run["recall"] for run in runs]
        bounds = [lower_bound(run) for run in runs]
        some = [bound for bound in bounds if bound is not None]
        below = sum(run["recall"] < bound for run, bound in zip(runs, bounds) if bound is not None)
        return [entry["what"], catalog_line(entry), str(len(runs)),
                f"{min(true):.4f} - {max(true):.4f}",
                f"{min(some):.4f} - {max(some):.4f}" if some else "none reported",
                f"{below} of {len(some)}",
                str(sum((run["promise"] or {}).get("met") is True for run in runs)),
                f"{sum(r < case['target'] for r in true)} of {len(true)}",
                f"{twice(runs)} of {len(runs)}"]
    print(f"**{name}**: {KIN}, target {case['target']:g}, a run a seed; true recall over all rows")
    print()
    table(["catalog", "", "seeds", "true recall", "reported lower bound", "true below the bound",
           "said to be met", "true below the target", "evaluated twice"], map(row, case["entries"]))
    print_twice(KIN, [run for entry in case["entries"] for run in entry["runs"]])


PRINT = {"curve": print_curve, "growth": print_growth, "hard": print_hard,
         "promise": print_promise, "top": print_top}


def print_all(results):
    for line in results["about"]:
        print(line)
    print()
    for name, case in results["cases"].items():
        print(f"({case.get('machine', 'machine not recorded')})")
        print()
        PRINT[case["kind"]](name, case)

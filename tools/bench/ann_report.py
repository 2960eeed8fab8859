"""Markdown tables of what tools/bench/ann found, ready for docs/PERFORMANCE.md."""
import statistics

import common
from ann_cases import lower_bound, median
from ann_contenders import EXACT, HNSW, HNSWLIB, IVF, KIN

EFFORT = {KIN: "target ", HNSW: "ef ", HNSWLIB: "ef ", IVF: "nprobe ", EXACT: ""}
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


def point_row(point, both_recalls):
    effort = point["effort"]
    if effort[:1].isdigit():
        effort = EFFORT[point["series"]] + effort
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


# ---- the others ---------------------------------------------------------------------------------

def print_growth(name, case):
    print(f"**{name}**: {KIN}, target {case['target']:g}")
    print()
    table(["catalog", "recall", "seconds", "own MiB"],
          ([catalog_line(size), number(column(size["points"][0], "recall"), 4),
            common.spread(column(size["points"][0], "seconds")),
            f"{max(column(size['points'][0], 'own_mib')):,.0f}"] for size in case["sizes"]))
    print(f"Seconds grow with items to the power of {case['exponent']:.2f}.")
    print()


def print_hard(name, case):
    def row(entry):
        points = {point["series"]: point for point in entry["points"]}
        exact, join = points[EXACT], points[KIN]
        seconds = [column(exact, "seconds"), column(join, "seconds")]
        return [entry["what"], f"{entry['items']:,}", str(entry["k"]), common.spread(seconds[0]),
                common.spread(seconds[1]), f"{common.ratio(*seconds):.2f}",
                number(column(join, "recall"), 4), number(column(join, "worst_row"), 3),
                number(column(exact, "recall"), 4)]
    print(f"**{name}**: {KIN}, target {case['target']:g}, against {EXACT}; recall over all rows, "
          "that of exact on random rows in double precision")
    print()
    table(["what is hard", "items", "K", "exact s", "join s", "exact / join", "recall", "worst row",
           "recall of exact"], map(row, case["entries"]))


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
                f"{sum(r < case['target'] for r in true)} of {len(true)}"]
    print(f"**{name}**: {KIN}, target {case['target']:g}, a run a seed; true recall over all rows")
    print()
    table(["catalog", "", "seeds", "true recall", "reported lower bound", "true below the bound",
           "said to be met", "true below the target"], map(row, case["entries"]))


PRINT = {"curve": print_curve, "growth": print_growth, "hard": print_hard,
         "promise": print_promise}


def print_all(results):
    for line in results["about"]:
        print(line)
    print()
    for name, case in results["cases"].items():
        PRINT[case["kind"]](name, case)

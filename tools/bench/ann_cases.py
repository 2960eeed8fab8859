"""Cases of tools/bench/ann; others are in ann_growth.py and ann_top.py. Each gives a dict of plain
values: what is kept, printed and drawn.

  curve     all contenders on one catalog, in turns, round by round; recall on a random sample
  hard      kin's approximate against its exact engine where lists have a hard time
  promise   does the lower bound that a manifest reports hold? By seeds, over all rows
"""
import shutil
import statistics
import sys

import numpy as np

import ann_contenders as contenders
import recall
from ann_contenders import BEFORE, EXACT, KIN, Question
from graph_file import Graph
from sample import Truth

SMALL = 100000    # items up to which three rounds are the default
MILLION = 1000000


def say(text):
    print(text, file=sys.stderr, flush=True)


def rounds_for(options, items):
    return options.repeat or (3 if items <= SMALL else 1)


def sample_rows(options, items, most=None):
    count = options.sample or most or (1000 if items >= MILLION else 2000)
    return np.sort(np.random.default_rng(options.seed).choice(items, min(count, items),
                                                              replace=False))


def describe(catalog, options, k=None):
    return {"items": catalog.items, "dimensions": catalog.dimensions, "k": k or options.top_k,
            "weights": list(catalog.weights), "missing": options.missing,
            "incomplete": catalog.incomplete()}


def is_kin(series):
    return series.removesuffix(BEFORE) in (KIN, EXACT)


# ---- curves -------------------------------------------------------------------------------------

class Evaluators:
    """Recall as it was asked for, and by the rule that peers have for a missing modality: it counts
    as zero. Only where items are incomplete do the two differ."""

    def __init__(self, options, catalog, rows, incomplete):
        renorm = options.missing == "renorm"
        truth = Truth(catalog.paths, catalog.weights, rows, renorm)
        self.asked = (recall.Evaluator.of_graph(truth, options.truth) if options.truth
                      else recall.Evaluator.of_vectors(truth, options.top_k))
        self.zero = self.asked
        if incomplete and renorm:
            self.zero = recall.Evaluator.of_vectors(
                Truth(catalog.paths, catalog.weights, rows, False), options.top_k)

    def save_zero(self, path):
        np.savez(path, ids=self.zero.ids, scores=self.zero.scores)

    def measure(self, finding):
        ids = finding.pop("ids")
        finding["recall"] = float(self.asked.recalls(ids).mean())
        if self.zero is not self.asked and not is_kin(finding["series"]):
            finding["recall_asked"] = finding["recall"]
            finding["recall"] = float(self.zero.recalls(ids).mean())


def points_of(findings):
    """Rounds of the same series and effort together, in the order they came."""
    points = {}
    for finding in findings:
        key = (finding.pop("series"), str(finding.pop("effort")))
        points.setdefault(key, []).append(finding)
    return [{"series": series, "effort": effort, "rounds": rounds}
            for (series, effort), rounds in points.items()]


def run_rounds(contenders_asked, question, rounds, measure, peer_rounds=None):
    findings = []
    for number in range(1, rounds + 1):
        for one in contenders_asked:
            if number > (peer_rounds or rounds) and not is_kin(one.series):
                continue
            for finding in one.run(question):
                measure(finding)
                say(f"round {number}: {finding['series']} {finding['effort']}: "
                    f"{finding['seconds']:.2f} s, recall {finding['recall']:.4f}")
                findings.append(finding)
    return points_of(findings)


def curve(options, catalog, work, contenders_asked=None):
    facts = describe(catalog, options)
    rows = sample_rows(options, catalog.items)
    say(f"exact neighbours of {len(rows)} rows")
    evaluators = Evaluators(options, catalog, rows, facts["incomplete"])
    rounds = rounds_for(options, catalog.items)
    contenders_asked = contenders_asked or contenders.all_of(options, catalog.items)
    question = Question(catalog, options.top_k, rows, work)
    evaluators.save_zero(question.truth_file)
    points = run_rounds(contenders_asked, question, rounds, evaluators.measure,
                        options.peer_repeat)
    return {"kind": "curve", **facts, "rounds": rounds, "rows": len(rows), "seed": options.seed,
            "points": points}


def median(point, name="seconds"):
    return statistics.median(finding[name] for finding in point["rounds"])


# ---- hard catalogs ------------------------------------------------------------------------------

def hard_catalogs(maker, items, k):
    """(what is hard, catalog, K), each made when its turn comes."""
    yield "nothing, for comparison", maker.generated(items), k
    yield "one cluster has 30 % of the items", maker.giant_cluster(items, 0.3), k
    yield "25 % repeat another item", maker.duplicates(items, 0.25), k
    yield "20 % have no image", maker.without_image(items, 0.2), k
    yield "weights .99 / .01", maker.generated(items).weighed((0.99, 0.01)), k
    yield "mean cosine .9", maker.cone(items, 0.9), k
    yield "K = 10", maker.generated(items), 10
    yield "K = 1000", maker.generated(items), 1000
    yield "no structure (isotropic)", maker.isotropic(items), k


def join_of_seed(options, seed):
    return contenders.kin_join(options, options.target, "--missing", options.missing, "--seed",
                               str(seed))


def held_against(contender, question, exact_graph):
    """A finding with its recall over all rows."""
    found, graph = contender.build(question)
    recalls = recall.of_graphs(graph, exact_graph)
    shutil.rmtree(graph)
    say(f"{contender.series} {found['seconds']:.2f} s, recall {recalls.mean():.4f}, evaluated "
        f"{attempts(found)} times")
    return found | {"recall": float(recalls.mean()), "worst_row": float(recalls.min())}


def against_exact(options, question, rounds):
    """Both engines in turns, a seed of kin's a round, then --hard-seeds more seeds of the join."""
    exact = contenders.kin_exact(options)
    evaluator = recall.Evaluator.of_vectors(Truth(question.catalog.paths, question.catalog.weights,
                                          question.rows, options.missing == "renorm"), question.k)
    findings = []
    for seed in range(1, rounds + options.hard_seeds + 1):
        if seed <= rounds:
            proven, exact_graph = exact.build(question)
            proven_rows = Graph(exact_graph).rows(question.rows)
            proven["recall"] = float(evaluator.recalls(proven_rows).mean())
            findings.append(proven)
            say(f"{EXACT} {proven['seconds']:.2f} s")
        for one in contenders.with_before(options, [join_of_seed(options, seed)]):
            findings.append(held_against(one, question, exact_graph))
    shutil.rmtree(exact_graph)
    return points_of(findings)


def hard(options, maker, work):
    entries = []
    for what, catalog, k in hard_catalogs(maker, options.hard_items, options.top_k):
        say(f"hard: {what}")
        k = min(k, catalog.items - 1)
        rows = sample_rows(options, catalog.items, 500)
        points = against_exact(options, Question(catalog, k, rows, work),
                               rounds_for(options, catalog.items))
        entries.append({"what": what, **describe(catalog, options, k), "points": points})
    return {"kind": "hard", "target": options.target, "entries": entries}


# ---- promises -----------------------------------------------------------------------------------

def promise_catalogs(maker, items):
    yield "fashion", maker.fashion()
    yield "generated", maker.generated(items)
    yield "20 % have no image", maker.without_image(items, 0.2)


def promise(options, maker, work):
    entries = []
    for what, catalog in promise_catalogs(maker, options.promise_items):
        say(f"promise: {what}")
        question = Question(catalog, options.top_k, np.arange(1), work)
        _, exact_graph = contenders.kin_exact(options).build(question)
        runs = []
        for seed in range(1, options.promise_seeds + 1):
            finding = held_against(join_of_seed(options, seed), question, exact_graph)
            runs.append({"seed": seed, **{name: finding[name] for name in
                                          ("seconds", "recall", "promise")}})
            say(f"seed {seed}: promised {lower_bound(runs[-1])}")
        shutil.rmtree(exact_graph)
        entries.append({"what": what, **describe(catalog, options), "runs": runs})
    return {"kind": "promise", "target": options.target, "entries": entries}


def lower_bound(run):
    """The recall that a run's manifest promises, or None where it promises nothing."""
    said = run["promise"] or {}
    return next((said[name] for name in ("lower_bound", "lower95", "lower")
                 if isinstance(said.get(name), (int, float))), None)


def attempts(run):
    """How often a run was evaluated: more than once where its first effort proved too low."""
    return (run["promise"] or {}).get("attempts", 1)

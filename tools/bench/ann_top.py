"""The case top of tools/bench/ann: what rows lose of their first 1, first 10 and all K neighbours.

Recall is that of all rows against a graph by `kin exact`, whose own rows are held against the
vectors in double precision on a sample. With --before both builds take turns.
"""
import shutil

import ann_contenders as contenders
import recall
from ann_cases import describe, points_of, rounds_for, sample_rows, say
from ann_contenders import Question
from graph_file import Graph
from sample import Truth

FIRSTS = (1, 10)
ENOUGH = 0.9       # recall of a row that counts as low below it
CHECKED_ROWS = 300
ENLARGED = 500000


def catalogs(options, maker):
    yield "fashion", maker.fashion()
    for seed in options.top_seeds:
        yield f"kin gen, seed {seed}", maker.generated(options.top_items, seed=seed)
    yield "kin gen --from fashion", maker.enlarged(ENLARGED)


def losses(graph, exact_graph):
    """Of all rows: mean recall of the first 1, 10, K; the share of rows below ENOUGH; the worst."""
    *firsts, whole = recall.tops_of_graphs(graph, exact_graph, [*FIRSTS, None])
    found = {f"recall_{first}": float(values.mean()) for first, values in zip(FIRSTS, firsts)}
    return {**found, "recall": float(whole.mean()), "worst_row": float(whole.min()),
            "low_rows": float((whole < ENOUGH - 1e-9).mean())}


def exact_graph_of(options, question):
    """Its folder, and its recall on the question's rows in double precision."""
    _, graph = contenders.kin_exact(options).build(question)
    truth = Truth(question.catalog.paths, question.catalog.weights, question.rows,
                  options.missing == "renorm")
    found = recall.Evaluator.of_vectors(truth, question.k).recalls(Graph(graph).rows(question.rows))
    return graph, float(found.mean())


def entry(options, what, catalog, work):
    rows = sample_rows(options, catalog.items, CHECKED_ROWS)
    question = Question(catalog, options.top_k, rows, work)
    exact_graph, proven = exact_graph_of(options, question)
    asked = contenders.with_before(options, [contenders.kin_join(
        options, target, "--missing", options.missing) for target in options.targets])
    lost, findings = {}, []
    for _ in range(rounds_for(options, catalog.items)):
        for one in asked:
            finding, graph = one.build(question)
            if one not in lost:  # the same options give the same bytes in every round
                lost[one] = losses(graph, exact_graph)
            shutil.rmtree(graph)
            findings.append(finding | lost[one])
            say(f"{what}: {one.series} {one.effort}: {finding['seconds']:.2f} s, {lost[one]}")
    shutil.rmtree(exact_graph)
    return {"what": what, **describe(catalog, options), "recall_of_exact": proven,
            "points": points_of(findings)}


def top(options, maker, work):
    return {"kind": "top", "entries": [entry(options, what, catalog, work)
                                       for what, catalog in catalogs(options, maker)]}

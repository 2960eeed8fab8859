"""Refuses home-made words where the field has one, in code, help, messages, docs and tests.

Each rule is a pattern, what to write instead, and where it holds: "all", "c" (C sources and headers), or
"text" (docs and C comments too). A line that has to hold an old word, as a reader of old manifests does,
says so with the mark `old word` in it. docs/GLOSSARY.md explains the words that are left. Prints
offenders as file:line.
"""
import pathlib
import re
import subprocess
import sys

RULES = [
    (r"[Mm]eetings?\b|kin_meeting|\bmeeting_", "pair scan, cluster pair"),
    (r"\b[Ff]loors?\b(?!\()|_floors?\b(?!\()", "threshold"),
    (r"\b(row|column)_bars?\b|\bset_bars\b", "row_threshold, column_threshold"),
    (r"kin_collectors_settle|\bcrowded\b|\bcollectors_weigh", "rerank in place, overflow, prune"),
    (r"\b(kin_)?finishers?\b|\bwishes\b|\bwish\b|\bwanting\b", "reranker, request"),
    (r"\bkin_seed(_\w+)?\b", "kin_schedule"),
    (r"\bkin_order\b|\bkin_order_\w+|\bkin_lists?\b|\bkin_lists_\w+", "kin_clustering, cluster"),
    (r"\btours?\b|_tour\b", "cluster order"),
    (r"(?<!third )\bparty\b|\bparties\b", "query batch"),
    (r"\b[Tt]wins?\b|join_twins", "duplicates"),
    (r"\breach_(of|used|needed|wanted)\b|\b(choose|advise)_reach\b|(effort|trace)->reach\b", "probe_sigmas"),
    (r"tail[_ ]shares?\b(?![`\"])", "tail_fraction"),
    (r"(refine|make|test|check)_estimates\b|[.>]estimates\b", "approximate"),
    (r"\bkin_code_facts\b", "kin_code_terms"),
    (r"\bstrips?\b(?!\()|\w+_strips?\b|\bstrip_\w+", "row_panel", "c"),
    (r"\bkin_distinct_pattern\b|\bpresence patterns?\b", "modality_mask"),
    (r"\b[Jj]udg\w*|_judge\w*\b|\bkin_judge|\bjudge_", "evaluation, evaluate"),
    (r"\b[Vv]erdicts?\b|_verdict", "result"),
    (r"\b[Cc]ensus\b(?!` in older)", "exhaustive"),
    (r"\b[Ff]resh rows\b", "held-out rows"),
    (r"\b[Ff]oreign\b|foreign_|_foreign", "import, imported"),
    (r"\bkin_pairing|\bpairings?\b", "id_map"),
    (r"\bkin_graph_comparable|compare/comparable|compare/made\b", "compatible, memory_graph"),
    (r"\bhand(s|ed|ing)? (\w+ ){0,3}on\b", "emit, pass"),
    (r"\bwatch(es|ed|ing)?\b|kin_watch|_watch\b", "monitor"),
    (r"\bkin_plan\b(?!_)|\bKIN_PLAN_", "kin_memory_plan", "c"),
    (r"_raise\b|\beffort (is )?raised\b|\brais(e|es|ing) (the )?effort", "escalate"),
    (r"\b[Cc]areful[_ ]recall\b|\baim(s|ed|ing)?\b", "pessimistic recall, target_with_margin"),
    (r"\b([Nn]obody|[Ww]hoever|[Ee]verybody|[Ss]omebody)\b|as good as never", "a subject that can be named"),
    (r"--engine ivf: the self-join|\bENGINE_IVF_JOIN\b", "join"),
]
SKIPPED = re.compile(r"^(CHANGELOG\.md|LICENSE|docs/GLOSSARY\.md|docs/.*\.svg|tests/words\.py|tests/fuzz/(corpus|folders)/)")
ENDINGS = (".c", ".h", ".cpp", ".py", ".md", ".txt", ".css", ".html", ".cmake")
SCRIPTS = re.compile(r"^(tools|\.ci)/[^.]*$")
MARK = "old word"


def offences(name, text):
    """(line number, word, what to write) of each offence in a file."""
    code = name.endswith((".c", ".h", ".cpp"))
    for number, line in enumerate(text.splitlines(), 1):
        if MARK in line:
            continue
        for rule in RULES:
            if len(rule) > 2 and not code:
                continue
            found = re.search(rule[0], line)
            if found:
                yield number, found.group(0), rule[1]


def files(root):
    """Names of the project's files; without git, of an unpacked archive, all below its folders."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return listed.stdout.splitlines()
    return [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()
            and path.relative_to(root).parts[0] not in ("build", ".git", "demo")]


def check_itself():
    """Lines whose answer is known."""
    for text, bad in [("the watch says so", True), ("a monitor", False), ("floor(x)", False), ("the row's floor", True),
                      ("kin_plan plan;", True), ("kin plan", False), ("gate is not met", False), ("two meetings", True),
                      ('json "judge" /* old word */', False), ("a strip of rows", True), ("self.strip()", False)]:
        assert bool(list(offences("a.c", text))) == bad, text
    assert not list(offences("docs/a.md", "a strip of land"))


def main():
    check_itself()
    root = pathlib.Path(__file__).resolve().parent.parent
    count = read = 0
    for name in files(root):
        if SKIPPED.match(name) or not (name.endswith(ENDINGS) or SCRIPTS.match(name)) or not (root / name).is_file():
            continue
        read += 1
        for number, word, instead in offences(name, (root / name).read_text(encoding="utf-8")):
            print(f"{name}:{number}: '{word}': write {instead}")
            count += 1
    print(f"{read} files, {count} home-made words")
    return 1 if count or read < 100 else 0


if __name__ == "__main__":
    sys.exit(main())

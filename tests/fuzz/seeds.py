"""Writes what the fuzz targets start from: tests/fuzz/folders, and the files seed-* of tests/fuzz/corpus.

usage: /usr/bin/python3 tests/fuzz/seeds.py build/release/kin

To be run again when a format changes: fuzz_folder refuses to start from folders that do not open.
"""
import io
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np
import scipy.sparse

HERE = pathlib.Path(__file__).resolve().parent
FOLDERS = ["graph-join", "graph-hnsw", "index-ivf", "index-hnsw", "catalog"]  # the order of fuzz_folder.c
COMMAND_LINES = 14  # of fuzz_folder.c
COMMANDS = ["build", "plan", "sweep", "index", "query", "compare", "show", "why", "pairs", "export", "info",
            "gen", "verify", "doctor"]


def seed(target, name, content):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(content)


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


# ---- vectors ----------------------------------------------------------------------------------


def vectors():
    rows = np.arange(8, dtype="f4").reshape(4, 2) - 2
    for name, array in {
            "f4": rows, "f2": rows.astype("f2"), "f8": rows.astype("f8"), "fortran": np.asfortranarray(rows),
            "big-endian": rows.astype(">f4"), "one-dimension": rows[0], "three-dimensions": rows.reshape(2, 2, 2),
            "nan": rows * np.nan, "large": rows.astype("f8") * 1e300, "small": rows.astype("f8") * 1e-42,
            "structured": np.zeros(3, dtype=[("a", "f4"), ("b", "i4")]), "scalar": np.float32(1),
            "text": np.array(["ab", "c"]), "empty": rows[:0]}.items():
        seed("npy", f"npy-{name}", b"\x00" + npy(array))
    seed("npy", "npy-version-2", b"\x00" + npy_version_2(rows))
    for name, array in {"i4": np.arange(5, dtype="i4"), "i8": np.arange(5, dtype="i8"), "f4": rows,
                        "f2": rows[:, 0].astype("f2")}.items():
        seed("npy", f"array-{name}", b"\x05" + npy(array))
    header = struct.pack("<II", 4, 2)
    seed("npy", "fbin", b"\x01" + header + rows.tobytes())
    seed("npy", "f16bin", b"\x02" + header + rows.astype("f2").tobytes())
    seed("npy", "i8bin", b"\x03" + header + rows.astype("i1").tobytes())
    seed("npy", "fvecs", b"\x04" + b"".join(struct.pack("<i", 2) + row.tobytes() for row in rows))
    for policy in range(1, 4):
        seed("npy", f"missing-{policy}", bytes([8 * policy]) + npy(np.array([[0, 0], [1, 2]], dtype="f4")))


def npy_version_2(rows):
    out = io.BytesIO()
    np.lib.format.write_array(out, rows, version=(2, 0))
    return out.getvalue()


# ---- imported graphs ---------------------------------------------------------------------------


def matrix(index_type="i4", data_type="f4"):
    data = np.array([.9, .5, .8, .7, .3, .2]).astype(data_type)
    indices = np.array([1, 2, 0, 3, 0, 1], dtype=index_type)
    return scipy.sparse.csr_matrix((data, indices, np.array([0, 2, 4, 5, 6], dtype=index_type)), shape=(4, 4))


def npz(graph, compressed):
    out = io.BytesIO()
    scipy.sparse.save_npz(out, graph, compressed=compressed)
    return out.getvalue()


def imported():
    neighbors = np.array([[1, 2], [0, 3], [0, -1], [1, 0]], dtype="<i4")
    scores = np.array([[.9, .5], [.8, .7], [.3, 0], [.2, .1]], dtype="<f4")
    header = struct.pack("<II", 4, 2)
    for flags in (0, 4, 8, 12):
        seed("import", f"npz-{flags}", bytes([flags]) + npz(matrix(), compressed=flags % 8 == 0))
        seed("import", f"ivecs-{flags}",
             bytes([1 + flags]) + b"".join(struct.pack("<i", 2) + row.tobytes() for row in neighbors))
        seed("import", f"ibin-{flags}", bytes([2 + flags]) + header + neighbors.tobytes())
        seed("import", f"ibin-scores-{flags}", bytes([2 + flags]) + header + neighbors.tobytes() + scores.tobytes())
        seed("import", f"ibin-wide-{flags}", bytes([2 + flags]) + header + neighbors.astype("<i8").tobytes())
    for index_type, data_type in [("i4", "f4"), ("i8", "f8"), ("i4", "f2"), ("i4", "i2"), ("i8", "u1"), ("i4", "bool")]:
        graph = matrix(index_type, data_type)
        parts = [npy(np.array("csr", dtype="S3")), npy(np.array([4, 4])), npy(graph.indptr.astype(index_type)),
                 npy(graph.indices.astype(index_type)), npy(graph.data)]
        seed("import", f"packed-{index_type}-{data_type}", b"\x07" + b"\xffPK\xfe".join(parts))
    seed("import", "csc", b"\x00" + npz(matrix().tocsc(), compressed=True))


# ---- text -------------------------------------------------------------------------------------


def tables():
    table = "id\ttitle\tcategory\timage\na1\tBlue \"mug\"\tcups\tblue.png\nb2\tRoter Teller\tplates\t\n"
    ids = "a1\nb2\n"
    seed("tables", "lines", b"\x00" + ids.encode())
    seed("tables", "lines-utf8", b"\x00\xef\xbb\xbf" + "añ\r\n日本\r\n🎁".encode())
    seed("tables", "table", b"\x01" + table.encode())
    seed("tables", "ids", b"\x02" + ids.encode())
    seed("tables", "items", b"\x03" + table.encode())
    seed("tables", "items-no-id", b"\x03" + table.replace("id", "item_id").encode())
    seed("tables", "items-comma", b"\x03" + table.replace("\t", ",").encode())
    seed("tables", "items-quoted", b'\x03"id"\ttitle\n"a1"\t"x ""y"""\nb2\tz\n')
    seed("tables", "both", b"\x04" + ids.encode() + b"\xff" + table.encode())
    seed("tables", "both-differ", b"\x04" + b"b2\na1\n" + b"\xff" + table.encode())
    for name, text in {"nel": "a\x85b", "csi": "a\x9bb", "line-separator": "a\u2028b", "tab": "a\tb", "bom": "\ufeffa",
                       "escape": "a\x1b[2Jb", "zero": "a\0b"}.items():
        seed("tables", f"ids-{name}", b"\x02" + text.encode() + b"\nb\n")


# ---- command lines ----------------------------------------------------------------------------


def options():
    lines = {
        "build": ["--modality", "text=data/text.npy:0.6", "--modality=image=image.fbin:0.4", "--ids", "ids.txt", "--top-k",
                  "200", "--memory=8G", "--missing", "zero", "--out", "graph", "--force"],
        "plan": ["--modality", "text.npy", "--memory", "1.5T", "--threads", "2"],
        "sweep": ["--modality", "text=t.npy", "--seed", "7", "--progress", "none"],
        "index": ["--modality", "a=b=c:1e-3", "--type", "hnsw", "--links", "16", "--out", "i"],
        "query": ["index", "--item", "a1", "--query", "text=q.npy", "--top-k", "10", "--json", "-"],
        "compare": ["graph", "--sample", "1000", "--min-recall", "0.95", "--out", "page.html"],
        "show": ["graph", "--", "--odd-name"], "why": ["graph", "--from", "a", "--to", "b"], "info": ["text.npy"],
        "pairs": ["graph", "--out", "p.npz", "--max-rows", "5000000", "--seed", "7"],
        "export": ["graph", "--out", "g.tsv", "--force"],
        "gen": ["--items", "100", "--modality", "text=8", "--out", "c", "--zipf", "1.5"], "verify": ["graph", "--help"],
        "doctor": ["--log=json"],
    }
    environment = ["KIN_TOP_K=50", "SIMILARITY_TOP_K= 20 # twenty", "KIN_MEMORY=4GiB", "KIN_MODALITY=text=t.npy; image=i.npy:2",
                   "KIN_FORCE=yes", "KIN_UNKNOWN=1", "PATH=/bin"]
    for number, command in enumerate(COMMANDS):
        text = "\n".join(lines[command] + [""] + environment) + "\n"
        seed("options", command, bytes([number]) + text.encode())
        seed("options", f"{command}-environment", bytes([number]) + ("\n" + "\n".join(environment) + "\n").encode())
    for name, words in {"typo": ["--topk", "5"], "twice": ["--top-k", "5", "--top-k", "6"], "none": ["--top-k"],
                        "weights": ["t.npy:0,6", "t.npy:60%", "0.6:t.npy", "t.npy:", "t.npy:-1", "t.npy:nan"],
                        "sizes": ["8G", "8GB", "8gb", "8Gi", "8GiB", "1.5k", "0.0000001P", "99999999999999999999", "16E"],
                        }.items():
        seed("options", name, b"\x00" + ("\n".join(words) + "\n").encode())


# ---- folders of kin's -------------------------------------------------------------------------


def anonymous(folder):
    """What depends on time and machine goes: no checksum covers it."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["run"] = {"sources": {}}
    path.write_text(json.dumps(manifest, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def make_folders(kin, work):
    def run(*words):
        subprocess.run([kin, *words, "--threads", "1", "--progress", "none"], cwd=work, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    vectors_of = ["--modality", "text=catalog/text.npy:0.6", "--modality", "image=catalog/image.npy:0.4"]
    run("gen", "--items", "24", "--modality", "text=4", "--modality", "image=3", "--missing-share", "0.1", "--dtype",
        "float16", "--seed", "3", "--out", "catalog")
    ids = (work / "catalog/ids.txt").read_text(encoding="utf-8").split()
    rows = [f"{name}\tc{i % 3}\tTitle {i}" for i, name in enumerate(ids)]
    (work / "items.tsv").write_text("\n".join(["id\tcategory\ttitle"] + rows) + "\n", encoding="utf-8")
    run("build", *vectors_of, "--items", "items.tsv", "--engine", "join", "--top-k", "4", "--trace-rows", "3", "--out",
        "graph-join")
    run("build", *vectors_of, "--engine", "hnsw", "--top-k", "3", "--trace-rows", "2", "--row-order", "column", "--out",
        "graph-hnsw")
    run("index", *vectors_of, "--type", "ivf", "--top-k", "4", "--out", "index-ivf")
    run("index", *vectors_of, "--type", "hnsw", "--project", "2", "--project-centre", "--out", "index-hnsw")


def folders(kin):
    with tempfile.TemporaryDirectory() as work:
        make_folders(kin, pathlib.Path(work))
        for number, name in enumerate(FOLDERS):
            target = HERE / "folders" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(pathlib.Path(work) / name, target)
            anonymous(target)
            for place, path in enumerate(sorted(target.iterdir())):
                if path.suffix != ".faiss":
                    seed("folder", f"{name}-{path.name}", bytes([number, 3, place]) + path.read_bytes())
            place = sorted(p.name for p in target.iterdir()).index("manifest.json")
            for command in range(COMMAND_LINES):
                seed("folder", f"{name}-command-{command}", bytes([number, 2 * command]))
            seed("folder", f"{name}-unsealed", bytes([number, 2, place]) + (target / "manifest.json").read_bytes())


def main():
    for old in HERE.glob("corpus/*/seed-*"):
        old.unlink()
    vectors()
    imported()
    tables()
    options()
    folders(str(pathlib.Path(sys.argv[1]).resolve()))


if __name__ == "__main__":
    main()

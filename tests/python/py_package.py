"""The package's own rules: what it imports and when, types and docstrings of what is public, and documents that run."""
import ast
import importlib.util
import inspect
import os
import pathlib
import re
import sys

import package
from package import Case, kin, random_rows

ROOT = pathlib.Path(package.ROOT)
MODULES = sorted((ROOT / "python/kin").glob("*.py"))
# Who needs them pays for them: they are imported in functions, or for annotations.
LATER = {"scipy", "pyarrow", "tqdm"}


def imported(tree, first=True):
    """(top-level name, whether at the module's beginning) of each import."""
    for node in ast.iter_child_nodes(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
            [node.module] if isinstance(node, ast.ImportFrom) and not node.level else [])
        for name in names:
            yield name.split(".")[0], first
        aside = isinstance(node, ast.FunctionDef) or (
            isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING")
        yield from imported(node, first and not aside)


class Rules(Case):
    def test_imports(self):
        self.assertGreater(len(MODULES), 10)
        for path in MODULES:
            for name, first in imported(ast.parse(path.read_text(encoding="utf-8"))):
                if name in sys.stdlib_module_names or name == "numpy":
                    continue
                self.assertIn(name, LATER, path.name)
                self.assertFalse(first, "%s imports %s when it is imported itself" % (path.name, name))

    def test_the_library_is_loaded_in_one_place(self):
        found = [path.name for path in MODULES if re.search(r"\bCDLL\(", path.read_text(encoding="utf-8"))]
        self.assertEqual(found, ["_library.py"])

    def test_declared_functions_are_the_headers(self):
        header = (ROOT / "kin/kin.h").read_text(encoding="utf-8")
        self.assertEqual(sorted(re.findall(r"(?m)^KIN_API [^;(]*?\*?(kin_\w+)\(", header)), sorted(kin._library._FUNCTIONS))

    def test_codes_and_events_are_the_headers(self):
        header = (ROOT / "kin/kin.h").read_text(encoding="utf-8")
        codes = {int(code) for code in re.findall(r"KIN_E_\w+ = (-\d+)", header)}
        self.assertEqual(codes, set(kin._errors.BY_CODE))
        events = re.findall(r"(?m)^    KIN_EVENT_(\w+)", header)
        self.assertEqual([getattr(kin._library, "EVENT_" + name) for name in events], list(range(5)))
        dtypes = re.search(r"enum kin_dtype \{([^}]*)\}", header)[1]
        self.assertEqual([name.strip() for name in dtypes.split(",")], ["KIN_F32", "KIN_F16", "KIN_F64", "KIN_I8"])
        self.assertEqual(kin._arrays.DTYPES, {"float32": 0, "float16": 1, "float64": 2, "int8": 3})
        sizes = re.search(r"KIN_MESSAGE_MAX = (\d+), KIN_HINT_MAX = (\d+)", header)
        error = kin._library.Error
        self.assertEqual([error.message.size, error.hint.size], list(map(int, sizes.groups())))

    def test_public_names_have_types_and_docstrings(self):
        self.assertTrue((ROOT / "python/kin/py.typed").exists())
        for name in kin.__all__:
            value = getattr(kin, name)
            if name == "__version__":
                continue
            self.assertTrue(inspect.getdoc(value), name)
            methods = [(key, each) for key, each in vars(value).items() if not key.startswith("_")] if isinstance(
                value, type) else [(name, value)]
            for key, each in methods:
                function = each.fget if isinstance(each, property) else each
                if inspect.isfunction(function):
                    self.assertTrue(inspect.getdoc(function), "%s.%s" % (name, key))
                    self.assertIn("return", function.__annotations__, "%s.%s" % (name, key))
                    parameters = [each for each in inspect.signature(function).parameters if each != "self"]
                    self.assertEqual([each for each in parameters if each not in function.__annotations__], [])


class Documents(Case):
    def blocks(self, name):
        return re.findall(r"(?ms)^```python\n(.*?)^```$", (ROOT / name).read_text(encoding="utf-8"))

    def test_they_run(self):
        """With a small catalog in the place of the reader's."""
        text, image = random_rows(400, 24, 1), random_rows(400, 32, 2)
        self.save("text.npy", text)
        self.save("image.npy", image)
        head = ("import numpy as np\ntext, image = np.load('text.npy'), np.load('image.npy')\n"
                "ids = ['sku-%d' % i for i in range(400)]\n")
        pyarrow = importlib.util.find_spec("pyarrow")
        count = 0
        for name in ("README.md", "python/README.md", "docs/PYTHON.md"):
            for number, block in enumerate(self.blocks(name)):
                if "kin.build(" not in block and "build_sparse" not in block:
                    continue
                if not pyarrow:
                    block = re.sub(r"(?m)^.*parquet.*$", "", block)
                where = self.path("%s-%d" % (name.replace("/", "-"), number))
                os.mkdir(where)
                for file in ("text.npy", "image.npy"):
                    os.symlink(self.path(file), os.path.join(where, file))
                done = self.python("import os, sys\nos.chdir(sys.argv[1])\n" + head + block, where)
                self.assertEqual(done.stderr, "", block)
                count += 1
        self.assertGreaterEqual(count, 4)


if __name__ == "__main__":
    package.main()

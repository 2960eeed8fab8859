"""Names of items as people's files have them: characters that no id may hold, quotes around cells,
columns of other names, CSV."""
import csv
import io

import numpy as np

import kin_cli
from kin_cli import Case, random_rows

N = 40


class Ids(Case):
    def setUp(self):
        super().setUp()
        self.save("v.npy", random_rows(N, 8, 1))
        self.ids = ["id%d" % i for i in range(N)]

    def lines(self, name, lines):
        return self.text(name, "".join(line + "\n" for line in lines))

    def build(self, *arguments, refused=None, hint="."):
        """The ids of a built graph, or a refusal with exit 65."""
        command = ("build", "--modality", "v.npy", "--top-k", 3, "--out", "g", "--force", *arguments)
        if refused:
            return self.refused(65, refused, *command, hint=hint)
        result = self.ok(*command)
        with open(self.path("g", "ids.txt"), encoding="utf-8") as file:
            return file.read().split("\n")[:-1], result


class Characters(Ids):
    def test_ids_that_are_handed_over(self):
        """Ids of an imported file and of an index folder are held to the same rule as those of --ids."""
        bad = self.ids[:5] + ["a\x85b"] + self.ids[6:]
        self.lines("bad", bad)
        np.hstack([np.array([[3, 1, 2, 3]] * N, "<i4")]).tofile(self.path("f.ivecs"))
        self.build()
        self.refused(65, r"^bad: the id in line 6 holds a control character, U\+0085", "compare", "f.ivecs", "--ids",
                     "bad", "--previous", "g")
        self.ok("index", "--modality", "v.npy", "--out", "index")
        self.lines("index/ids.txt", bad)
        self.refused(65, r"^index/ids.txt: the id in line 6 holds a control character, U\+0085", "query", "index",
                     "--item", "id1")


class Quotes(Ids):
    odd = ["A1", 'a "b" c', '"', "x,y", "p'q", ""]

    def written(self, names, quoting, end="\n"):
        out = io.StringIO()
        writer = csv.writer(out, delimiter="\t", quoting=quoting, lineterminator=end)
        for name in names:
            writer.writerow(name)
        return out.getvalue()

    def test_written_by_csv(self):
        """A table and a list of ids, as csv and pandas write them, are those of the file without quotes."""
        ids = self.odd[:2] + [name + "1" for name in self.odd[3:]] + self.ids[5:]
        titles = (self.odd * N)[:N]
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC):
            for end in ("\n", "\r\n"):
                self.text("t.tsv", self.written([("id", "title")] + list(zip(ids, titles)), quoting, end))
                self.text("ids", self.written([[name] for name in ids], quoting, end))
                for more in (("--items", "t.tsv"), ("--ids", "ids"), ("--items", "t.tsv", "--ids", "ids")):
                    self.assertEqual(self.build(*more)[0], ids)
                self.ok("verify", "g")
        self.build("--items", "t.tsv")
        self.ok("show", "g", "--out", "page.html", "--item", ids[0], "--item", ids[1])
        with open(self.path("page.html"), encoding="utf-8") as file:
            page = file.read()
        self.assertIn("a &quot;b&quot; c", page)
        self.assertNotIn("&quot;A1&quot;", page)
        self.ok("index", "--modality", "v.npy", "--ids", "ids", "--out", "index")
        self.assertIn("x,y", self.ok("query", "index", "--item", 'a "b" c', "--top-k", N - 1).out)

    def test_neighbour_files(self):
        np.array([[3, 1, 2, 3]] * N, "<i4").tofile(self.path("f.ivecs"))
        self.lines("ids", self.ids)
        self.lines("quoted", ['"%s"' % name for name in self.ids])
        self.build("--ids", "ids")
        self.assertNotIn("common", self.ok("compare", "f.ivecs", "--ids", "quoted", "--previous", "g").err)

    def test_quotes_that_are_none(self):
        """A quote that opens an id and does not close it is no part of it either: refused; elsewhere text is text."""
        for bad in ('"A1', '"A"1', '"A"1"', '"'):
            self.lines("ids", self.ids[:2] + [bad] + self.ids[3:])
            self.build("--ids", "ids", refused=r"^ids: the id in line 3 begins with a quote: ", hint="quotes")
            self.lines("t.tsv", ["title\tid"] + ["t\t" + name for name in self.ids[:2] + [bad] + self.ids[3:]])
            self.build("--items", "t.tsv", refused=r"^t.tsv: the id in line 4 begins with a quote: ")
        self.lines("t.tsv", ["id\ttitle"] + ['%s\t"Best" of %s' % (name, name) for name in self.ids])
        self.assertEqual(self.build("--items", "t.tsv")[0], self.ids)
        self.lines("ids", ['5" disk %d' % i for i in range(N)])
        self.assertEqual(self.build("--ids", "ids")[0][0], '5" disk 0')


class Columns(Ids):
    def table(self, header, separator="\t"):
        return self.lines("t.tsv", [header] + [separator.join((name, "t", "c")) for name in self.ids])

    def test_other_names(self):
        """A column of ids by another name is offered, and taken where it is named; never row numbers in silence."""
        for name in ("ID", "Id", "item_id", "item-id", "itemId", "Item ID", "sku", "SKU", "asin", "product_id", "ean",
                     "style_id"):
            for header in (name + "\ttitle\tcategory", '"%s"\ttitle\tcategory' % name):
                self.table(header)
                self.build("--items", "t.tsv", hint=r"--id-column '%s'.*--ids FILE" % name,
                           refused=r"^t\.tsv has no column 'id', but '%s' \(its columns: %s, title, category\)$" %
                           (name, name))
            self.assertEqual(self.build("--items", "t.tsv", "--id-column", name)[0], self.ids)
        self.refused(65, "^t.tsv has no column 'id', but", "plan", "--modality", "v.npy", "--items", "t.tsv",
                     "--top-k", 3)
        self.lines("ids", ["x" + name for name in self.ids])
        self.assertEqual(self.build("--items", "t.tsv", "--ids", "ids")[0][0], "xid0")
        self.build("--items", "t.tsv", "--ids", "ids", "--id-column", "style_id",
                   refused="^t.tsv: line 2 has the id 'id0', ids has another there")

    def test_no_ids(self):
        """Where nothing looks like ids, items are row numbers, and that is said."""
        self.table("name\ttitle\tcategory_id")
        ids, result = self.build("--items", "t.tsv")
        self.assertEqual(ids, [str(i) for i in range(N)])
        self.assertRegex(result.err, r"WARNING t\.tsv has no column of ids \(its columns: name, title, category_id\)"
                         ": items are called by their row numbers; --id-column NAME")
        self.lines("ids", self.ids)
        self.assertNotIn("WARN", self.build("--items", "t.tsv", "--ids", "ids")[1].err)
        self.table("id\ttitle\tcategory_id")
        self.assertNotIn("WARN", self.build("--items", "t.tsv")[1].err)
        self.assertEqual(self.build("--items", "t.tsv", "--id-column", "id")[0], self.ids)

    def test_refusals(self):
        self.table("name\ttitle\tcategory")
        self.build("--items", "t.tsv", "--id-column", "sku", hint="as the header has it",
                   refused=r"^t\.tsv has no column 'sku' \(its columns: name, title, category\)$")
        self.refused(2, "^--id-column names a column of a table, none is given$", "build", "--modality", "v.npy",
                     "--top-k", 3, "--out", "g", "--id-column", "sku", hint="--items FILE.tsv")
        self.lines("ids", ["id"] + self.ids)
        self.build("--ids", "ids", refused="^ids has 41 ids, the catalog has 40 items$", hint="has no header")

    def test_csv(self):
        """Cells that commas or semicolons part, with or without --ids: a table with tabs is asked for."""
        self.lines("ids", self.ids)
        for separator, name in ((",", "commas"), (";", "semicolons"), ("|", "bars")):
            self.table(separator.join(("id", "title", "category")), separator)
            for more in ((), ("--ids", "ids")):
                self.build("--items", "t.tsv", *more, hint=r"to_csv\(file, sep='\\t', index=False\)",
                           refused=r"^t\.tsv: the header is one column, 'id.title.category': cells are parted by "
                           "tabs, not by " + name)
        self.lines("t.tsv", ["id"] + self.ids)  # one column is no fault
        self.assertEqual(self.build("--items", "t.tsv")[0], self.ids)


if __name__ == "__main__":
    kin_cli.main()

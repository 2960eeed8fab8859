"""Names of items as people's files have them: characters that no id may hold, whoever hands the ids over."""
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
        """Ids of a foreign file and of an index folder are held to the same rule as those of --ids."""
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


if __name__ == "__main__":
    kin_cli.main()

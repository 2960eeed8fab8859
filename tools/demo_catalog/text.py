"""Vectors of texts: title, keywords and description of each drawing, by TF-IDF and a truncated SVD.

Words alone would not join "apple" with "apples" or "pineapple", nor survive the spelling of many authors, so a text is
its words and, with less weight, the character n-grams (3 to 5) of each word with its ends marked. Both are hashed:
no vocabulary to keep, and the same text gives the same column everywhere. Frequencies are damped (1 + log), weighted by rarity, and
each text has length one before the SVD brings it to DIMENSIONS, where words that occur together come together.

The files are twenty years of many programs' output: the metadata is read as XML, and by regular expressions where it is
not well formed. Authors and publishers are left out, in titles too ("Clipart by ..."): who drew it is not what it shows.
Where a title says nothing of its own, being none or that of a whole series, the file name speaks as well. Left out: stemming, languages, meaning. Cost: 3 ms a drawing.
"""
import collections
import dataclasses
import html
import math
import re
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import scipy.sparse

from . import reduce

DIMENSIONS = 256
WORD_COLUMNS, GRAM_COLUMNS = 1 << 15, 1 << 16
GRAM_WEIGHT = 0.6
TITLE_WEIGHT, KEYWORD_WEIGHT, DESCRIPTION_WEIGHT, NAME_WEIGHT = 2.0, 2.0, 1.0, 2.0
SERIES = 4  # as many drawings under one title are a series
DESCRIPTION_WORDS = 40  # some descriptions are essays; what they show stands at their beginning

_WORD = re.compile(r"[^\W\d_]{2,}")
# What the collection's own upload tools left in thousands of files, and words that name any
# drawing.
_SAYS_NOTHING = set(
    "untitled drawing image title unnamed unknown new document svg clipart clip art openclipart hash unsorted malformed current fixed".split()
)
_TITLE_NOISE = re.compile(r"^Clip ?art by .*? - |\(\w{3} \w{3} +\d+ [\d:]+ \d{4}\)", re.I)
_SMALL_WORDS = set("a an and are as at be by for from in is it of on or the this to was with made using".split())


@dataclasses.dataclass
class Record:
    """What one drawing says about itself, in lines of plain text."""

    path: str  # below the package's folder
    title: str
    description: str
    keywords: str
    authors: str

    @property
    def stem(self):
        return _clean(re.sub(r"[\W_]+", " ", self.path.rsplit("/", 1)[-1][: -len(".svg")])) or self.path


def _local(tag):
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def _from_xml(data):
    """(title, description, keywords, authors) of well-formed metadata; ElementTree.ParseError if it is not."""
    root = ElementTree.fromstring(data)
    work = next((e for e in root.iter() if _local(e.tag) == "Work"), None)
    found = {"title": "", "description": "", "subject": "", "creator": ""}
    for element in work if work is not None else ():
        name = _local(element.tag)
        if name in found:
            found[name] += " " + " , ".join(element.itertext())
    if not found["title"].strip():
        found["title"] = next((e.text or "" for e in root if _local(e.tag) == "title"), "")
    return tuple(found.values())


def _from_pattern(data):
    """The same from what is not well formed: agents (authors, publishers) are cut out first, as they have titles too."""
    text = data.decode("utf-8", "replace")
    without_agents = re.sub(r"<(?:\w+:)?Agent\b.*?</(?:\w+:)?Agent\s*>", " ", text, flags=re.S)
    parts = []
    for name, where in (("title", without_agents), ("description", without_agents), ("subject", text), ("creator", text)):
        match = re.search(rf"<(?:\w+:)?{name}\b[^>]*(?<!/)>(.*?)</(?:\w+:)?{name}\s*>", where, flags=re.S)
        parts.append(re.sub(r"<[^>]*>", " , ", match.group(1)) if match else "")
    return tuple(parts)


def _clean(text):
    """One line of plain words: entities and tags resolved, addresses and control characters gone."""
    text = re.sub(r"<[^>]*>|https?://\S+|\S+@\S+", " ", html.unescape(html.unescape(text)))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _words(text):
    return [w for w in _WORD.findall(text.lower()) if w not in _SMALL_WORDS]


def read_record(path, name):
    """The Record of the drawing at `path`; `name` is its path below the package's folder."""
    data = path.read_bytes()
    try:
        fields = _from_xml(data)
    except (ElementTree.ParseError, ValueError, LookupError):  # the latter two: encodings that Python does not know
        fields = _from_pattern(data)
    title, *others = map(_clean, fields)
    return Record(name, _clean(_TITLE_NOISE.sub("", title)), *others)


def _by_author(word, authors):
    # File names cut authors' names short: "architetto_franc".
    return len(word) >= 3 and any(a.startswith(word) for a in authors)


def titles_and_words(records):
    """For each record a title to show (one line, never empty) and what it is known by, as (word, weight) pairs."""
    drawings_of = collections.Counter(r.title for r in records)
    titles, texts = [], []
    for record in records:
        ignored, authors = _SAYS_NOTHING, set(_words(record.authors))
        telling = [w for w in _words(record.title) if w not in ignored and not _by_author(w, authors)]
        series = drawings_of[record.title] >= SERIES
        words = [(w, TITLE_WEIGHT) for w in telling]
        if series or not telling:
            words += [(w, NAME_WEIGHT) for w in _words(record.stem) if w not in ignored and not _by_author(w, authors)]
        words += [(w, KEYWORD_WEIGHT) for w in _words(record.keywords) if w not in ignored]
        words += [(w, DESCRIPTION_WEIGHT) for w in _words(record.description)[:DESCRIPTION_WORDS] if not _by_author(w, authors)]
        # The last resort: a vector of zeros would be like nothing at all.
        texts.append(words or [(w, NAME_WEIGHT) for w in record.path.lower().split("/")])
        shown = f"{record.title} ({record.stem})" if series else record.title
        titles.append((shown if _words(record.title) else record.stem)[:120])
    return titles, texts


def _hash(text, columns):
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % columns


def _grams(word):
    marked = f"^{word}$"
    return [_hash(marked[i : i + n], GRAM_COLUMNS) for n in (3, 4, 5) for i in range(len(marked) - n + 1)]


def _tf_idf(texts, columns, columns_of):
    """Sparse (n, columns) of unit rows: damped frequency times log rarity."""
    rows, where, counts, known = [], [], [], {}
    for row, words in enumerate(texts):
        sums = {}
        for word, weight in words:
            if word not in known:
                known[word] = columns_of(word)
            for column in known[word]:
                sums[column] = sums.get(column, 0.0) + weight
        rows += [row] * len(sums)
        where += sums.keys()
        counts += sums.values()
    matrix = scipy.sparse.csr_matrix((1 + np.log(np.maximum(counts, 1.0)), (rows, where)), (len(texts), columns), dtype=np.float32)
    rarity = np.log((1 + len(texts)) / (1 + np.bincount(matrix.indices, minlength=columns))) + 0.05
    matrix = matrix @ scipy.sparse.diags(rarity.astype(np.float32))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return scipy.sparse.diags((1 / np.maximum(lengths, 1e-9)).astype(np.float32)) @ matrix


def features(texts):
    """(n, at most DIMENSIONS) float32 vectors of n lists of (word, weight) pairs."""
    words = _tf_idf(texts, WORD_COLUMNS, lambda w: [_hash(w, WORD_COLUMNS)])
    grams = _tf_idf(texts, GRAM_COLUMNS, _grams)
    both = scipy.sparse.hstack([words, math.sqrt(GRAM_WEIGHT) * grams], format="csr", dtype=np.float32)
    both = both[:, np.diff(both.tocsc().indptr) > 0]  # hashing leaves most columns empty
    return reduce.truncated_svd(both, DIMENSIONS).astype(np.float32)

"""A page that kin wrote, as the tests look at it."""
import re
from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags with their attributes, and the text outside style."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.words, self.inside = [], [], []
        with open(path, encoding="utf-8") as file:
            self.source = file.read()
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "style":
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.words.append(data)


def check_page(case, page):
    """Nothing is fetched and nothing runs."""
    names = {tag for tag, _ in page.tags}
    case.assertFalse(names & {"script", "iframe", "object", "embed", "base", "form", "audio",
                              "video", "source"})
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            case.assertFalse(name.startswith("on"), (tag, name))
            if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background"):
                case.assertTrue(value.startswith(("data:", "#")), (tag, name, value[:60]))
    outside = re.sub(r"data:[a-z+/]+;base64,[A-Za-z0-9+/=]*", "", page.source)
    for word in ("src=\"http", "url(http", "@import", "<script"):
        case.assertNotIn(word, outside)
    style = "".join(re.findall(r"(?s)<style>(.*?)</style>", page.source))
    case.assertNotIn("http", style)
    case.assertNotIn("@import", style)

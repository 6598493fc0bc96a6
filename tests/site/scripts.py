"""The scripts of a page, as a browser finds them."""

from __future__ import annotations

from html.parser import HTMLParser


class Scripts(HTMLParser):
    """The scripts of a page: attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.found.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script" and self.found:
            attributes, text = self.found[-1]
            self.found[-1] = (attributes, text + data)

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def text(self, name: str) -> str:
        return next(text for attributes, text in self.found if attributes.get("id") == name)

"""One server, and one browser for all tests of the page: starting one takes seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.browser import Page, browser
from tests.golden.sources import Golden
from tests.web.served import served
from tests.web.world import World, open_world

WIDE, PHONE = (1440, 900), (390, 844)


class Stage:
    """The page with the fake engine."""

    def __init__(self, page: Page, address: str, downloads: Path):
        self.page, self.address, self.downloads = page, address, downloads

    def open(self, size: tuple[int, int], *, phone: bool = False, still: bool = False, **wishes: object) -> Page:
        """Open the page anew. wishes: for the fake engine."""
        address = f"{self.address}/fake.html?wishes={quote(json.dumps(wishes))}"
        self.page.visit(address, *size, phone=phone, still=still)
        self.page.until("window.stage || window.failed")
        if self.page.evaluate("Boolean(window.stage)") and not wishes.get("slow"):
            self.page.until("document.querySelector('.model').dataset.frame")
        return self.page

    def saved(self, name: str) -> Path:
        """A file that the page let its person save."""
        path = self.downloads / name
        for _ in range(200):
            if path.exists() and path.stat().st_size and not list(self.downloads.glob("*.crdownload")):
                return path
            self.page.settle()
        raise AssertionError(f"{name} was not saved, but {[one.name for one in self.downloads.iterdir()]}")


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with served() as found:
        yield found


@pytest.fixture(scope="session")
def stage(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    downloads = tmp_path_factory.mktemp("downloads")
    with browser(tmp_path_factory.mktemp("profile"), "none") as page:
        page.save_downloads(downloads)
        page.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        yield Stage(page, address, downloads)


@pytest.fixture(scope="module")
def wide_page(stage: Stage) -> Page:
    return stage.open(WIDE)


@pytest.fixture
def wide(wide_page: Page) -> Page:
    """The page on a large screen, with a mouse, as at first."""
    wide_page.evaluate("reset()")
    wide_page.settle()
    return wide_page


@pytest.fixture(scope="module")
def phone_page(stage: Stage) -> Page:
    return stage.open(PHONE, phone=True)


@pytest.fixture
def phone(phone_page: Page) -> Page:
    """The page on a phone, as at first."""
    phone_page.evaluate("reset()")
    phone_page.settle()
    return phone_page


@pytest.fixture(scope="session")
def world(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The engine "browser" in a browser whose WebGPU is in software."""
    with open_world(trimmed, tmp_path_factory.mktemp("clips"), tmp_path_factory.mktemp("profile")) as found:
        yield found

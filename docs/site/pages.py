"""Put pages of the repository's root on the site, and lead links that leave the site to GitHub.

The pages are written for GitHub, where a link may lead to any file. On the site it leads to the page made of that file,
or else to the file on GitHub. A link to nowhere is left as it is: MkDocs warns of it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[2]

_ROOT_PAGES = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security.md": "SECURITY.md",
}

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)(?P<path>[^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that stand in the repository's root."""
    for page, source in _ROOT_PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(_ROOT / source)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of one page, from where it stands in the repository to where it stands on the site."""
    on_site = {Path(file.abs_src_path): file for file in files if file.abs_src_path}
    folder = Path(page.file.abs_src_path or config.docs_dir).parent

    def rewritten(link: re.Match[str]) -> str:
        target = (folder / link["path"]).resolve()
        if target in on_site:
            return posixpath.relpath(on_site[target].src_uri, posixpath.dirname(page.file.src_uri))
        if target.exists():
            kind = "tree" if target.is_dir() else "blob"
            return f"{config.repo_url}/{kind}/main/{target.relative_to(_ROOT).as_posix()}"
        return link["path"]

    return _LINK.sub(rewritten, markdown)

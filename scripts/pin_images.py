#!/usr/bin/env python3
"""Pin the images of docker-compose.yml and exporter/Dockerfile to the digests that their tags have now.

    scripts/pin_images.py                               asks Docker Hub
    scripts/pin_images.py --registry https://mirror     asks a mirror of it

An image that is pinned gets the new digest of its tag. Images that are built here have no digest and stay as they are.
"""

from __future__ import annotations

import argparse
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]

FILES = (ROOT / "docker-compose.yml", ROOT / "exporter" / "Dockerfile")

DOCKER_HUB = "https://registry-1.docker.io"

_IMAGE = re.compile(r"(?m)^( *image: |FROM )([a-z0-9./_-]+):((?!local\b)[\w.-]+)(@sha256:[0-9a-f]{64})?")

_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


def main() -> None:
    """Pin the images, and print each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry", default=DOCKER_HUB, help="URL of the registry (default: %(default)s)")
    parser.add_argument("files", nargs="*", type=Path, default=FILES, help="files to change (default: both)")
    arguments = parser.parse_args()
    for file in arguments.files:
        try:
            file.write_text(_IMAGE.sub(partial(pinned, arguments.registry), file.read_text()))
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{error.url}: {error}") from error


def pinned(registry: str, image: re.Match[str]) -> str:
    """Return the text of *image* with the digest of its tag."""
    before, name, tag, _ = image.groups()
    repository = name if "/" in name else f"library/{name}"
    found = digest(f"{registry}/v2/{repository}/manifests/{tag}")
    print(f"{name}:{tag}@{found}")  # noqa: T201 - a script that prints
    return f"{before}{name}:{tag}@{found}"


def digest(url: str) -> str:
    """Return the digest of the manifest at *url*. A registry that asks for a token gets an anonymous one."""
    request = urllib.request.Request(url, headers={"Accept": ", ".join(_MANIFESTS)}, method="HEAD")  # noqa: S310 - as given
    try:
        answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310
    except urllib.error.HTTPError as error:
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', error.headers.get("WWW-Authenticate", "")))
        if error.code != 401 or "realm" not in challenge:  # noqa: PLR2004 - unauthorized
            raise
        request.add_header("Authorization", f"Bearer {token(challenge.pop('realm'), challenge)}")
        answer = urllib.request.urlopen(request, timeout=30)  # noqa: S310
    return str(answer.headers["Docker-Content-Digest"])


def token(realm: str, wanted: dict[str, str]) -> str:
    """Return an anonymous token for what is *wanted*: the service and the scope."""
    with urllib.request.urlopen(f"{realm}?{urllib.parse.urlencode(wanted)}", timeout=30) as answer:  # noqa: S310
        return str(json.load(answer)["token"])


if __name__ == "__main__":
    main()

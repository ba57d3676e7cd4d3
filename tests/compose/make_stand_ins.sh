#!/usr/bin/env bash
# Build stand-ins for the images in docker-compose.yml from Debian's packages, with the same names and tags, for use
# where images cannot be pulled. They test docker-compose.yml, the Dockerfile and the configuration, not the images.
# Grafana has no stand-in, because Debian does not package it.
#
# Usage: make_stand_ins.sh FOLDER. Caches slow steps in FOLDER. Needs root, debootstrap and a Docker daemon.
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$1
python=$repository/.venv/bin/python
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
mkdir -p "$folder"

if [[ ! -e $folder/rootfs/.complete ]]; then
  rm -rf "$folder/rootfs"
  debootstrap --variant=minbase \
    --include=busybox,prometheus,prometheus-alertmanager,python3,python3-pip,python3-venv \
    "$release" "$folder/rootfs"
  touch "$folder/rootfs/.complete"
fi

version() {
  "$@" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}
if [[ $(version "$python") != $(version chroot "$folder/rootfs" python3) ]]; then
  echo "$python must have the Python version of $release, because the image needs packages for that version" >&2
  exit 1
fi

# The packages that the Dockerfile installs. Builds have no network.
"$python" -m pip download -q --require-hashes -d "$folder/wheels" \
  -r "$repository/requirements-cli.lock" -r "$repository/requirements-demo.lock"

# Build the image $1 from the Dockerfile on standard input.
image() {
  docker build -q -t "$1" -f - "$folder/context"
}

# Hard links avoid a copy of the large files.
rm -rf "$folder/context"
mkdir "$folder/context"
tar -C "$folder/rootfs" --one-file-system -cf "$folder/context/rootfs.tar" .
cp -rl "$folder/wheels" "$folder/context/wheels"
rm -f "$folder"/context/wheels/vae_exporter-*

image debian-with-servers <<'END'
FROM scratch
ADD rootfs.tar /
RUN ln -s /bin/busybox /usr/local/bin/wget \
  && ln -s /usr/bin/python3 /usr/local/bin/python \
  && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED \
  && printf '[global]\nno-index = true\nfind-links = /wheels\n' >/etc/pip.conf
END
image "$(awk '$1 == "FROM" && index($2, "python:") == 1 { print $2 }' "$repository/exporter/Dockerfile")" <<'END'
FROM debian-with-servers
COPY wheels /wheels
END

tag() {
  awk -v image="$1" '$1 == "image:" && index($2, image ":") == 1 { print $2 }' "$repository/docker-compose.yml"
}
image "$(tag prom/prometheus)" <<'END'
FROM debian-with-servers
RUN mkdir /prometheus && chown nobody /prometheus
USER nobody
ENTRYPOINT ["/usr/bin/prometheus"]
END
image "$(tag prom/alertmanager)" <<'END'
FROM debian-with-servers
RUN mkdir /alertmanager && chown nobody /alertmanager
USER nobody
ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]
END
rm -rf "$folder/context"

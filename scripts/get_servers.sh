#!/usr/bin/env bash
# get_servers.sh [RELEASE]
# Put prometheus, promtool, alertmanager and amtool into .servers/bin: as links to those on PATH, or unpacked from
# Debian's packages. With a release of Debian, such as trixie: unpacked from that release into .servers/RELEASE/bin, and
# VictoriaMetrics, vmagent and vmalert with them.
# Needs no root, starts no service and writes nothing outside .servers.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
release=${1-}
home=.servers${release:+/$release}

# Print the version of the program $1 at the path $2. Fail if it does not run or is another program.
version_of() {
  local text
  text=$("$2" --version 2>&1 </dev/null) || return
  case $1 in
    v*) echo "${text:-unknown}" ;; # Debian's builds of VictoriaMetrics print an empty line
    *) [[ $text =~ ^$1,\ version\ ([^ ]+) ]] && echo "${BASH_REMATCH[1]}" ;;
  esac
}

# Print the path of the program $1 on PATH. Ignore .servers/bin, which someone may have added to PATH.
from_path() {
  local path
  [[ -z $release ]] || return
  while read -r path; do
    if [[ $path == /* && ! ${path%/*} -ef .servers/bin ]] && version_of "$1" "$path" >/dev/null; then
      echo "$path"
      return
    fi
  done < <(type -aP "$1" "prometheus-$1") # Debian calls it prometheus-alertmanager
  return 1
}

apt() {
  LC_ALL=C apt-get -c "$work/apt.conf" -qq "$@" >>"$work/apt.log" 2>&1
}

# Print the URL of the first mirror of Debian among the system's sources.
mirror() {
  grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1
}

# Download the package lists from the system's sources. A failing source does not matter if another one has the package.
update_lists() {
  echo "Downloading Debian's packages of Prometheus and Alertmanager into $home. This takes about a minute." >&2
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  cat >"$work/apt.conf" <<EOF
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
Acquire::Languages "none";
APT::Sandbox::User "root"; // otherwise apt, if run by root, downloads as a user who cannot access this folder
// hooks that clean or fill the caches of the system
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Post-Invoke-Stats;
EOF
  if [[ -n $release ]]; then
    echo "deb $(mirror) $release main" >"$work/sources.list"
    printf '%s\n' "Dir::Etc::SourceList \"$work/sources.list\";" 'Dir::Etc::SourceParts "/dev/null";' >>"$work/apt.conf"
  fi
  apt update || true
}

# Download and unpack the package $1 into $work/debian/$1, unless that exists, and name its programs as upstream does.
unpack() {
  local folder=$work/debian/$1 file name
  [[ -d $folder ]] && return
  [[ -f $work/apt.conf ]] || update_lists
  mkdir -p "$work/debs/$1"
  (cd "$work/debs/$1" && apt download "$1") || return
  mkdir -p "$folder/usr/share/prometheus"
  dpkg -x "$work/debs/$1"/*.deb "$folder" || return
  for file in "$folder"/usr/bin/*; do
    name=$(basename "$file")
    # Debian's builds read their templates and web pages from /usr/share/prometheus, and Alertmanager does not start
    # without them. Patch in a path of the same length that reads file descriptor 9, which the wrapper below opens.
    LC_ALL=C sed -i 's#/usr/share/prometheus#/proc/self/fd/9//////#g' "$file"
    cat >"$folder/${name#prometheus-}" <<EOF
#!/bin/sh
# Descriptor 9 replaces /usr/share/prometheus: see scripts/get_servers.sh.
folder=\$(dirname "\$(readlink -f "\$0")")
exec "\$folder/usr/bin/$name" "\$@" 9<"\$folder/usr/share/prometheus"
EOF
    chmod +x "$folder/${name#prometheus-}"
  done
}

# Get the program $1 from Debian, and print its path in $work/debian.
from_debian() {
  local packages package path
  case $1 in
    prometheus) packages=(prometheus) ;;
    promtool) packages=(prometheus promtool) ;; # newer releases of Debian have a separate package for it
    victoria-metrics | vmagent | vmalert) packages=(victoria-metrics) ;;
    *) packages=(prometheus-alertmanager) ;;
  esac
  for package in "${packages[@]}"; do
    path=$work/debian/$package/$1
    if unpack "$package" && version_of "$1" "$path" >/dev/null; then
      echo "$path"
      return
    fi
  done
  return 1
}

fail() {
  {
    echo "Not found on PATH or in Debian's packages: $*."
    if [[ -f $work/apt.log ]]; then
      echo "The errors and warnings of apt-get:"
      awk '/^[EW]:/ && !seen[$0]++ { print "  " $0; n++ } END { if (!n) print "  none" }' "$work/apt.log"
    else
      echo "This system has no apt-get."
    fi
    echo "Download Prometheus and Alertmanager from https://prometheus.io/download/ and put their programs on PATH,"
    echo "or run \`docker compose up\`, which does not need them."
  } >&2
  exit 1
}

mkdir -p "$home/bin" "$home/debian"
work=$(mktemp -d "$PWD/$home/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

programs=(prometheus promtool alertmanager amtool)
[[ -z $release ]] || programs+=(victoria-metrics vmagent vmalert)
missing=()
for program in "${programs[@]}"; do
  version_of "$program" "$home/bin/$program" >/dev/null || missing+=("$program")
done
if ((${#missing[@]} == 0)); then
  echo "In $home/bin: Prometheus $(version_of prometheus "$home/bin/prometheus")," \
    "Alertmanager $(version_of alertmanager "$home/bin/alertmanager")."
  exit
fi

paths=()
failed=()
for program in "${missing[@]}"; do
  if path=$(from_path "$program") || { command -v apt-get >/dev/null && path=$(from_debian "$program"); }; then
    paths+=("$path")
  else
    failed+=("$program")
  fi
done
((${#failed[@]} == 0)) || fail "${failed[@]}"

for folder in "$work"/debian/*/; do
  [[ -d $folder ]] || continue # the glob matched nothing, because no package was needed
  rm -rf "$home/debian/$(basename "$folder")"
  mv "$folder" "$home/debian/"
done
for i in "${!missing[@]}"; do
  path=${paths[i]}
  origin=$path
  if [[ $path == "$work"/* ]]; then
    path=..${path#"$work"}
    origin="Debian's package $(basename "$(dirname "$path")")"
  fi
  ln -sfn "$path" "$home/bin/${missing[i]}"
  printf '%-12s  %-12s  %s\n' "${missing[i]}" "$(version_of "${missing[i]}" "$home/bin/${missing[i]}")" "$origin"
done

# shellcheck shell=bash
# Makes .venv and keeps it in step with the requirement files. Sourced by run.sh, which sets root, venv, python and log
# and has say, fail and real_path. It prints one line a step; what pip says goes into the log and is shown on failure.

# -- steps: one line each, with the time it took; what they print goes into the log ------------------------------------

tenths() { # tenths of a second since some fixed moment; whole seconds where bash is older than 5
    local microseconds=${EPOCHREALTIME:-${SECONDS}000000}
    printf '%s\n' "$((${microseconds/[.,]/} / 100000))"
}

step() { # step WHAT COMMAND…
    local what=$1 begun took status=0
    shift
    printf '%s … ' "$what" >&2
    begun=$(tenths)
    "$@" >>"$log" 2>&1 </dev/null || status=$?
    took=$(($(tenths) - begun))
    printf '%s%d.%d s\n' "$([[ $status == 0 ]] || echo 'failed after ')" "$((took / 10))" "$((took % 10))" >&2
    return "$status"
}

logged() { grep -Eiq "$1" "$log"; }

is_full() { # FOLDER: less than 50 MB are free, so that perhaps not even the log could say so
    [[ -d $1 && $(df -Pk "$1" | awk 'NR == 2 { print $4 }') -lt 51200 ]]
}

no_network='name resolution|name or service not known|nodename nor servname|getaddrinfo failed|newconnectionerror'
no_network+='|connection refused|connection reset|connection aborted|remote end closed|timed out|timeouterror'
no_network+='|network is unreachable|no route to host|proxyerror|max retries exceeded'

explain() { # the end of the log, then what it means and what to do
    local temporary
    temporary=$(dirname "$(mktemp -u)") # pip downloads and unpacks there
    say "" "The last lines of $log:"
    tail -n 12 "$log" | sed 's/^/    /' >&2
    say ""
    if logged 'no space left on device|errno 28|disk quota exceeded' || is_full "$root" || is_full "$temporary"; then
        say "The disk is full: installing needs about 2 GB below $root and in $temporary." \
            "Free some space, or set TMPDIR to a roomier folder, and start again."
    elif logged 'certificate_verify_failed|sslerror|ssl: '; then
        say "The package index was reached, but its certificate is not trusted here, as behind some company proxies." \
            "Give pip the right one (PIP_CERT=/path/to/bundle.pem) and start again."
    elif logged "$no_network"; then
        say "There is no network, or the package index does not answer." \
            "Check the connection (behind a proxy: set HTTPS_PROXY) and start again; what was fetched is kept."
    elif logged 'ensurepip|no module named .?venv'; then
        say "This Python came without its venv module." \
            "Debian and Ubuntu: apt install python3-venv. Then start again."
    elif logged 'no matching distribution found'; then
        say "The package index has no build of a package for this Python and machine." \
            "Try another Python, for instance: PARLEY_PYTHON=python3.12 $0"
    elif logged 'permission denied|errno 13|read-only file system'; then
        say "Files below $root cannot be written by $(id -un)." "Give them to that user, or start as their owner."
    else
        say "The whole output is in $log."
    fi
}

# -- .venv -------------------------------------------------------------------------------------------------------------

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

is_new_enough() { # VERSION, as in 3.11
    [[ ${1%%.*} -gt 3 || (${1%%.*} -eq 3 && ${1#*.} -ge 11) ]]
}

find_python() { # prints the first Python that is new enough
    local candidate version found=()
    local candidates=(python3.13 python3.12 python3.11 python3)
    [[ -z ${PARLEY_PYTHON:-} ]] || candidates=("$PARLEY_PYTHON")
    for candidate in "${candidates[@]}"; do
        version=$(version_of "$candidate") || continue
        if is_new_enough "$version"; then
            printf '%s\n' "$candidate"
            return
        fi
        found+=("  found: $(command -v "$candidate"), which is Python $version")
    done
    [[ ${#found[@]} -gt 0 ]] || found=("  looked for: ${candidates[*]}; none of them starts")
    fail "Parley needs Python 3.11 or newer, and there is none here." "${found[@]}" \
        "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.13)," \
        "or name one: PARLEY_PYTHON=/path/to/python3.12 $0"
}

fingerprint() { # FILE…: what .venv has to hold, found without starting Python
    local sum=(sha256sum)
    command -v sha256sum >/dev/null || sum=(shasum -a 256)
    (cd "$root" && cat "$@" | "${sum[@]}")
    real_path "$python"
}

is_the_python_asked_for() {
    [[ -z ${PARLEY_PYTHON:-} || (-f $venv/made-with && $(<"$venv/made-with") == "$PARLEY_PYTHON") ]]
}

is_installed() { # FILE…
    local stamp=$venv/installed-$#
    [[ -x $python && -f $stamp ]] && is_the_python_asked_for && [[ $(<"$stamp") == "$(fingerprint "$@")" ]]
}

make_venv() {
    local version chosen
    if [[ -x $python ]] && is_the_python_asked_for && version=$(version_of "$python") && is_new_enough "$version" &&
        "$python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    chosen=$(find_python)
    if ! step "Making .venv with $chosen" "$chosen" -m venv --clear "$venv"; then
        explain
        exit 1
    fi
    printf '%s\n' "$chosen" >"$venv/made-with"
}

install() { # FILE…: the last one names the others with -r
    local last=${*: -1}
    rm -f "$venv"/installed-*
    if ! step "Installing $last (this takes a while the first time)" "$python" -m pip install \
        --disable-pip-version-check --no-input --progress-bar off -r "$root/$last"; then
        explain
        exit 1
    fi
    fingerprint requirements.txt >"$venv/installed-1"
    [[ $# == 1 ]] || fingerprint "$@" >"$venv/installed-$#"
}

take_lock() { # so that two starts at once do not work on the same .venv; held until drop_lock or the end
    trap 'say "" "Interrupted. The next start goes on from here."; exit 130' INT
    mkdir -p "$root/.cache"
    [[ -w $root/.cache ]] || fail "$root/.cache cannot be written by $(id -un). Give it to that user and start again."
    if command -v flock >/dev/null; then
        exec 9>"$root/.cache/start.lock"
        flock -n 9 || { say "Another start is preparing Parley; waiting for it." && flock 9; }
        return
    fi
    local folder=$root/.cache/start.lock.folder waits=
    until mkdir "$folder" 2>/dev/null; do
        [[ -n $waits ]] || say "Another start is preparing Parley; waiting for it."
        waits=yes
        kill -0 "$(cat "$folder/pid" 2>/dev/null || echo $$)" 2>/dev/null || rm -rf "$folder"
        sleep 0.2
    done
    printf '%s\n' $$ >"$folder/pid"
    trap 'rm -rf "$root/.cache/start.lock.folder"' EXIT
}

drop_lock() {
    trap - INT
    exec 9>&-
    rm -rf "$root/.cache/start.lock.folder"
}

prepare() { # FILE…: after this, .venv holds what the requirement files ask for
    is_installed "$@" && return
    take_lock
    : >"$log"
    if ! is_installed "$@"; then # another start may have done it meanwhile
        make_venv
        install "$@"
    fi
    drop_lock
}

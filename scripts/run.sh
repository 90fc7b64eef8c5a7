#!/usr/bin/env bash
# The one door to Parley: prepares .venv where it is missing or out of date, fetches a first model where
# checkpoints/ holds none, and hands over to Python. When all is in place it starts nothing but what was asked for.
set -euo pipefail
unset CDPATH PYTHONHOME

real_path() { # follows symbolic links step by step, because older systems have no `readlink -f`
    local path=$1 target
    while [[ -L $path ]]; do
        target=$(readlink "$path")
        [[ $target == /* ]] || target=$(dirname "$path")/$target
        path=$target
    done
    printf '%s/%s\n' "$(cd -P "$(dirname "$path")" && pwd)" "$(basename "$path")"
}

script=$(real_path "${BASH_SOURCE[0]}")
root=${script%/scripts/*}
venv=$root/.venv
python=$venv/bin/python
log=$root/.cache/install.log
# shellcheck source=scripts/prepare.sh
source "$root/scripts/prepare.sh"
has_bench=
[[ -f $root/bench/__main__.py ]] && has_bench=yes

usage() {
    cat <<'END'
Usage: scripts/run.sh [COMMAND] [OPTIONS]

  web-chat   start the server and its page (the default); options go to it: try `web-chat --help`
  demo       one answer in the terminal, without the server: try `demo --help`
  list       the checkpoints, in the terminal: try `list --help`
  check      look a checkpoint's weights through: `check ID`
  export     write a checkpoint as a Hugging Face folder: `export ID OUT`
  keys       API keys for a server that asks who calls: `keys add NAME`, `keys list`, `keys remove NAME`
  users      accounts to sign in with: `users add NAME`, and list, remove, password
  config     every setting, its value and where it came from
  train-demo train a small model for some minutes, to have a run to watch: try `train-demo --help`
  starter    fetch the starter model into checkpoints/ and stop
  test       run the tests; options go to pytest
END
    [[ -z $has_bench ]] || echo "  bench      measure; options go to the bench: try \`bench --help\`"
    cat <<'END'
  lint       look for mistakes and untidy formatting, change nothing
  fix        cure what lint can cure by itself
  help       this text

The first start makes .venv and installs what Parley needs; later starts find it in place.

Options of this script, for web-chat and demo:
  --checkpoints DIR   use the checkpoints in DIR; no starter model is fetched then
  --no-starter        do not fetch the starter model, even if checkpoints/ is empty

Environment:
  PARLEY_PYTHON       the Python to make .venv with (3.11 or newer), for instance python3.12
  PARLEY_NO_STARTER   set to 1: as --no-starter
END
}

usage_error() {
    say "scripts/run.sh: $1" "" "$(usage)"
    exit 2
}

say() { printf '%s\n' "$@" >&2; }

fail() {
    say "$@"
    exit 1
}

# -- the starter model -------------------------------------------------------------------------------------------------

holds_a_model() {
    [[ -d $root/checkpoints && -n $(find -L "$root/checkpoints" -type f \( -name '*.safetensors' -o -name '*.gguf' -o -name '*.pt' \
        -o -name '*.pth' -o -name '*.bin' -o -name '*.ckpt' -o -name '*.distcp' -o -name '*.npz' \) -print -quit) ]]
}

fetch_starter() {
    local status=0
    take_lock
    : >"$log"
    step "Fetching the starter model (SmolLM2-135M-Instruct, 93 MB)" "$python" "$root/scripts/starter.py" || status=$?
    [[ $status == 0 ]] || explain
    drop_lock
    return "$status"
}

# -- commands ----------------------------------------------------------------------------------------------------------

wants_starter=yes
arguments=()

absolute() { # a relative path counts from where the user is, and Python starts in the repository
    if [[ $1 == /* || $1 == '~'* ]]; then printf '%s\n' "$1"; else printf '%s\n' "$PWD/$1"; fi
}

read_options() { # keeps the arguments for Python, less this script's own
    while [[ $# -gt 0 ]]; do
        case $1 in
        --checkpoints=* | --cache-directory=* | --log-directory=*)
            set -- "${1%%=*}" "${1#*=}" "${@:2}"
            continue
            ;;
        --checkpoints | --cache-directory | --log-directory)
            [[ $1 != --checkpoints ]] || wants_starter=
            arguments+=("$1")
            if [[ $# -gt 1 ]]; then
                arguments+=("$(absolute "$2")")
                shift
            fi
            ;;
        --no-starter) wants_starter= ;;
        -h | --help)
            wants_starter=
            arguments+=("$1")
            ;;
        *) arguments+=("$1") ;;
        esac
        shift
    done
}

read_environment() {
    local name
    for name in PARLEY_CHECKPOINTS PARLEY_CACHE_DIRECTORY PARLEY_LOG_DIRECTORY; do
        [[ -z ${!name:-} ]] || export "$name=$(absolute "${!name}")"
    done
    [[ -z ${PARLEY_NO_STARTER:-}${PARLEY_CHECKPOINTS:-} ]] || wants_starter=
    if [[ -f $root/parley.toml ]] && grep -Eq '^[[:space:]]*checkpoints[[:space:]]*=' "$root/parley.toml"; then
        wants_starter=
    fi
}

start() { # COMMAND… with the arguments read before
    prepare requirements.txt
    if [[ -n $wants_starter ]] && ! holds_a_model && ! fetch_starter; then
        say "" "Starting without a model. To add one, put a Hugging Face folder or a .gguf file into" \
            "  $root/checkpoints" "or name your folder with --checkpoints DIR; docs/checkpoints.md tells more."
    fi
    hand_over "$@" ${arguments[@]+"${arguments[@]}"}
}

develop() { # COMMAND…, with the development tools
    prepare requirements.txt requirements-dev.txt
    hand_over "$@"
}

all_tests() { # on several processors, a file's tests together; what failed in that crowd is judged once more, alone
    local status=0 processes
    prepare requirements.txt requirements-dev.txt
    cd "$root"
    processes=$("$python" -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))') # one more than compute: many wait
    "$python" -m pytest -n "$processes" --dist loadfile --durations 15 --durations-min 10 || status=$?
    [[ $status == 1 ]] || exit "$status" # 1: tests failed; anything else is no matter of the crowd
    say "" "Once more, one after the other, what failed above:"
    hand_over -m pytest --last-failed --last-failed-no-failures none --maxfail 10
}

tidy() { # lint or fix
    prepare requirements.txt requirements-dev.txt
    cd "$root"
    if [[ $1 == fix ]]; then
        "$python" -m ruff check --fix
        hand_over -m ruff format
    fi
    "$python" -m ruff check
    hand_over -m ruff format --check
}

hand_over() { # becomes Python, so that signals such as Ctrl-C reach it and nothing waits in between
    cd "$root"
    exec "$python" "$@"
}

hand_over_here() { # the same, but relative paths in the arguments count from where the user is
    PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" "$@"
}

main() {
    local command=web-chat
    if [[ $# -gt 0 && ($1 != -* || $1 == -h || $1 == --help) ]]; then
        command=$1
        shift
    fi
    case $command in
    help | -h | --help) usage ;;
    web-chat | demo)
        read_environment
        read_options "$@"
        if [[ $command == demo ]]; then start -m scripts.demo; else start -m chat; fi
        ;;
    starter)
        prepare requirements.txt
        fetch_starter
        say "The starter model is in checkpoints/."
        ;;
    list)
        prepare requirements.txt
        hand_over_here -m engine.catalog --default "$root/checkpoints" "$@"
        ;;
    keys | users | config)
        prepare requirements.txt
        hand_over -m chat "$command" "$@"
        ;;
    train-demo)
        prepare requirements.txt
        hand_over -m training.demo "$@"
        ;;
    check | export)
        prepare requirements.txt
        hand_over_here -m engine.tasks "$command" --checkpoints "$root/checkpoints" "$@"
        ;;
    test) if [[ $# -gt 0 ]]; then develop -m pytest "$@"; else all_tests; fi ;;
    lint | fix) tidy "$command" ;;
    bench)
        [[ -n $has_bench ]] || usage_error "there is no bench in this version"
        develop -m bench "$@"
        ;;
    *) usage_error "there is no command called $command" ;;
    esac
}

main "$@"

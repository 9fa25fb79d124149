# Sourced by tools/try.sh and tools/test.sh: the Debian packages they need, and building.
# The current directory must be the repository.

build_packages="gcc libc6-dev meson ninja-build pkg-config libglib2.0-dev libcsv-dev libcmocka-dev
    libedit-dev libjansson-dev libxxhash-dev"
test_packages="clang iproute2 libclang-rt-14-dev nftables python3 python3-clang-14 valgrind"

fail() { # EXIT-CODE TEXT...
    code=$1
    shift
    echo "$*" >&2
    exit "$code"
}

# The one argument both scripts know.
read_arguments() { # USAGE ARGUMENT...
    usage=$1
    shift
    install=yes
    for argument; do
        case $argument in
        --no-install) install=no ;;
        --help | -h)
            printf '%s\n' "$usage"
            exit 0
            ;;
        *) fail 2 "$0: unexpected argument '$argument' (try --help)" ;;
        esac
    done
}

# Runs a command with its output in LOG, which is shown only when it fails.
quietly() { # LOG COMMAND...
    log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null && return
    code=$?
    tail -n 40 "$log" >&2
    echo "failed (exit code $code): $*" >&2
    echo "the whole output is in $log" >&2
    return "$code"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

apt_get() { # ARGUMENT...
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 "$@"
}

missing_packages() { # PACKAGE...
    for package; do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
        ?i*) ;;
        *) printf ' %s' "$package" ;;
        esac
    done
}

need_packages() { # PACKAGE...
    if ! command -v dpkg-query >/dev/null; then
        echo "This is no Debian; going on in the hope that these are here: $*"
        return
    fi
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$install" = no ]; then
        fail 2 "Missing Debian packages:$missing
They are installed by: apt-get install --no-install-recommends$missing"
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        fail 4 "Missing Debian packages:$missing
There is no sudo here: install them as root, then run this again."
    fi
    echo "Installing Debian packages:$missing"
    mkdir -p build
    quietly build/install.log apt_get update || exit 4
    quietly build/install.log apt_get install --no-install-recommends $missing || exit 4
}

# Makes a build directory, unless it is there already for this tree with these options.
set_up() { # DIRECTORY MESON-OPTION...
    directory=$1
    shift
    wanted="$PWD $*"
    [ "$(cat "$directory/set-up-for" 2>/dev/null)" != "$wanted" ] || return 0
    rm -rf "$directory"
    mkdir "$directory"
    quietly "$directory/setup.log" meson setup "$directory" "$@" || return
    printf '%s\n' "$wanted" >"$directory/set-up-for"
}

# shellcheck shell=bash
# What the scripts share: sourced by them, never run. Exit codes everywhere here: 0 done, 1 failed,
# 2 wrong usage, 3 something is missing on this machine.

# Read by the scripts that source this file; before the `cd`, while a relative `$0` still leads somewhere.
unset CDPATH # with it, `cd` answers on stdout
script=$(cd "$(dirname "$0")" && pwd -P)/${0##*/}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$root/$target ;; esac
cd "$root" || exit 1

# The kinds of server that tests can run on, and where those lie that this machine has not installed.
server_names=(mariadb-10.11 mariadb-11.8 mysql-9)
servers_dir=${STEADFAST_SERVERS_DIR:-$target/servers}
case $servers_dir in /*) ;; *) servers_dir=$root/$servers_dir ;; esac

# Debian keeps the server in /usr/sbin, Fedora in /usr/libexec, rustup everything in ~/.cargo/bin;
# a shell that was not a login shell may know none of them. Last in line, so that they override nothing.
PATH=$PATH:/usr/sbin:/usr/libexec:${CARGO_HOME:-${HOME:-}/.cargo}/bin

# say TEXT…: one line of what is being done. On stderr, so that stdout stays for results.
say() { printf '%s\n' "$*" >&2; }

# stop CODE TEXT…: says what is wrong and ends the script.
stop() {
    local code=$1
    shift
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit "$code"
}

# usage: the comment at the head of the running script, without its first line.
usage() { awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$script"; }

# step TEXT COMMAND…: says TEXT, runs COMMAND, says how long it took. The command's failure is step's.
step() {
    local text=$1 start code=0
    shift
    say "== $text"
    start=$(clock)
    "$@" || code=$?
    if [ "$code" -eq 0 ]; then
        say "   done in $(since "$start") s"
    else
        say "   FAILED with exit code $code after $(since "$start") s"
    fi
    return "$code"
}

# Seconds with a fraction where bash has them; its decimal sign depends on the locale.
clock() {
    local now=${EPOCHREALTIME:-$(date +%s)}
    printf '%s' "${now/,/.}"
}
since() { LC_ALL=C awk -v from="$1" -v to="$(clock)" 'BEGIN { printf "%.1f", to - from }'; }

# check_server_name NAME: stops when there is no such server.
check_server_name() {
    local each
    for each in "${server_names[@]}"; do
        if [ "$each" = "$1" ]; then return 0; fi
    done
    stop 2 "there is no server \"$1\": one of ${server_names[*]}"
}

have() { command -v "$1" >/dev/null 2>&1; }

# Sets `missing` (for a reader) and `packages` (Debian's names) to what this machine lacks of KIND…:
# build, client, server, valgrind, hikaricp.
find_missing() {
    missing=() packages=()
    local kind
    for kind in "$@"; do
        case $kind in
        build)
            have cc || lacks "a C compiler (cc)" gcc libc6-dev
            have pkg-config || lacks "pkg-config" pkg-config
            if ! pkg-config --exists libmariadb 2>/dev/null && ! pkg-config --exists mysqlclient 2>/dev/null; then
                lacks "the client library with its headers (libmariadb)" libmariadb-dev
            fi
            ;;
        client) have mariadb || lacks "the command line client (mariadb)" mariadb-client ;;
        valgrind) have valgrind || lacks "valgrind" valgrind ;;
        hikaricp)
            # The compiler, since the peer is a source file that Java runs.
            have javac || lacks "a Java compiler (javac)" default-jdk-headless
            if [ ! -e /usr/share/java/HikariCP.jar ] || [ ! -e /usr/share/java/mariadb-java-client.jar ]; then
                lacks "HikariCP and its driver" libhikaricp-java libmariadb-java libslf4j-java
            fi
            ;;
        server)
            # STEADFAST_SERVER names the program to start; the tests understand it too.
            if [ -x "${STEADFAST_SERVER:-}" ]; then continue; fi
            if ! have mariadbd || ! have mariadb-install-db; then
                lacks "the server (mariadbd, mariadb-install-db)" mariadb-server-core
            fi
            ;;
        esac
    done
}
lacks() {
    missing+=("$1")
    shift
    packages+=("$@")
}

# need_packages KIND…: installs what is missing of build, client, server, valgrind, hikaricp, or says how and stops with 3.
# `-core` is the program alone: no system service is set up and nothing listens on 3306 afterwards.
need_packages() {
    have cargo || stop 3 "cargo is missing: install Rust with rustup first"
    find_missing "$@"
    if [ "${#missing[@]}" -eq 0 ]; then
        return 0
    fi
    if ! have apt-get; then
        no_apt
    fi
    # `--no-remove`: where MySQL's own server is installed, it must not go to make room for ours.
    local install="apt-get install -y --no-install-recommends --no-remove ${packages[*]}" sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! have sudo || ! sudo -n true 2>/dev/null; then
            say "Missing: $(listed)."
            say "Run this once, then this script again:"
            say "    sudo apt-get update && sudo $install"
            exit 3
        fi
        sudo=(sudo -n)
    fi
    say "Missing: $(listed). Installing ${packages[*]} (about ten seconds)."
    local log code=0
    log=$(mktemp)
    # A fresh machine may be busy with its own updates: wait for dpkg's lock instead of giving up.
    # shellcheck disable=SC2086 # the command is words on purpose: it is also printed
    {
        ${sudo[@]+"${sudo[@]}"} apt-get update -qq &&
            ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive \
                $install -qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0
    } >"$log" 2>&1 </dev/null || code=$?
    [ "$code" -eq 0 ] || tail -n 20 "$log" >&2
    rm -f "$log"
    [ "$code" -eq 0 ] || stop 3 "the packages could not be installed, see above; by hand: apt-get update && $install"
    find_missing "$@"
    [ "${#missing[@]}" -eq 0 ] || stop 3 "still missing after the installation: $(listed)"
}

no_apt() {
    say "Missing: $(listed)."
    say "This system has no apt-get, so nothing is installed for you. The same elsewhere (never run by us):"
    say "    Fedora:   sudo dnf install gcc pkgconf-pkg-config mariadb-connector-c-devel mariadb mariadb-server"
    say "    Homebrew: brew install pkgconf mariadb-connector-c mariadb"
    exit 3
}

listed() {
    local text
    text=$(printf '%s, ' "${missing[@]}")
    printf '%s' "${text%, }"
}

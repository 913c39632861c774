#!/bin/sh
# Installs the real servers that `checker confirm` and the tests of `real` start: what is missing.
#
# The hard part is Debian's eagerness: installing a server makes a database cluster and starts a
# daemon. We want neither, and we want to leave no trace of how we prevented it.
#
# Exit: 0 all is there (or only MinIO is missing, which is told), 4 something must be installed by
# hand. UNFORKED_REQUIRE_SERVICES=1 makes a missing MinIO a 4 as well.
set -eu

MINIO=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
MINIO_NEEDS_GO_MINOR=24

CLUSTER_CONF=/etc/postgresql-common/createcluster.conf
POLICY=/usr/sbin/policy-rc.d
BIN=${XDG_CACHE_HOME:-$HOME/.cache}/unforked/bin

main() {
    missing=$(missing_packages)
    if [ -n "$missing" ]; then
        install_packages "$missing"
        still=$(missing_packages)
        [ -z "$still" ] || by_hand "$still"
    fi
    install_minio
}

say() {
    echo "deps: $*" >&2
}

have() {
    command -v "$1" >/dev/null 2>&1
}

have_postgres() {
    if have initdb && have postgres; then
        return 0
    fi
    for program in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$program" ] && return 0
    done
    return 1
}

# Debian's names of what is not found, on one line.
missing_packages() {
    names=
    have_postgres || names="$names postgresql"
    have redis-server || names="$names redis-server"
    have setpriv || names="$names util-linux"
    echo "${names# }"
}

by_hand() {
    say "please install: $1"
    say "  (Debian's package names; the programs that must be found are initdb and postgres,"
    say "  redis-server and setpriv), then run this again"
    exit 4
}

# Runs a command as root, never asking for a password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

install_packages() {
    have apt-get || by_hand "$1"
    if [ "$(id -u)" -ne 0 ]; then
        { have sudo && sudo -n true 2>/dev/null; } || by_hand "$1"
    fi
    scratch=$(mktemp -d)
    # On every way out, also a failure of apt and a Ctrl-C.
    trap restore EXIT
    trap 'exit 130' INT TERM HUP
    forbid_daemons

    apt update || say "apt-get update failed; going on with the lists that are here"
    case " $1 " in
    *" postgresql "*) forbid_clusters ;;
    esac
    say "installing $1"
    # The names are ours, without spaces.
    # shellcheck disable=SC2086
    apt install --no-install-recommends $1 || by_hand "$1"
    restore
    trap - EXIT INT TERM HUP
}

# Asks nothing and keeps the user's own configuration files. Its chatter is not our result.
apt() {
    action=$1
    shift
    as_root env DEBIAN_FRONTEND=noninteractive apt-get "$action" -y -q \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        -o DPkg::Lock::Timeout=120 "$@" >&2
}

# invoke-rc.d asks policy-rc.d before it starts anything: 101 means no.
forbid_daemons() {
    [ -e "$POLICY" ] && return 0
    printf '#!/bin/sh\nexit 101\n' >"$scratch/policy-rc.d"
    chmod 755 "$scratch/policy-rc.d"
    # Noted first: an interrupt in between must still remove it.
    touch "$scratch/policy-is-ours"
    as_root cp "$scratch/policy-rc.d" "$POLICY"
}

# The server's package makes a cluster unless postgresql-common, installed before it, says no.
forbid_clusters() {
    apt install --no-install-recommends postgresql-common || by_hand postgresql
    as_root cp -p "$CLUSTER_CONF" "$scratch/createcluster.conf"
    touch "$scratch/conf-is-saved"
    # The last setting of a name wins.
    { cat "$CLUSTER_CONF"; echo 'create_main_cluster = false'; } >"$scratch/createcluster.new"
    as_root cp "$scratch/createcluster.new" "$CLUSTER_CONF"
}

restore() {
    if [ -e "$scratch/policy-is-ours" ]; then
        as_root rm -f "$POLICY"
    fi
    if [ -e "$scratch/conf-is-saved" ]; then
        as_root cp -p "$scratch/createcluster.conf" "$CLUSTER_CONF"
    fi
    as_root rm -rf "$scratch"
}

have_minio() {
    have minio || [ -x "${GOBIN:-$HOME/go/bin}/minio" ] || [ -x "$HOME/go/bin/minio" ] ||
        [ -x "$BIN/minio" ]
}

# `go1.26.8` -> whether it is at least 1.24.
go_is_new_enough() {
    version=$(go env GOVERSION 2>/dev/null) || return 1
    version=${version#go}
    major=${version%%.*}
    rest=${version#*.}
    minor=${rest%%[!0-9]*}
    case $major.$minor in
    *[!0-9.]* | .* | *.) return 1 ;;
    esac
    [ "$major" -gt 1 ] || [ "$minor" -ge "$MINIO_NEEDS_GO_MINOR" ]
}

install_minio() {
    if have_minio; then
        return 0
    fi
    if ! have go || ! go_is_new_enough; then
        without_minio "it is built with Go 1.$MINIO_NEEDS_GO_MINOR or newer, which is not on PATH"
        return 0
    fi
    say "building MinIO into $BIN (some minutes)"
    mkdir -p "$BIN"
    GOBIN=$BIN go install "$MINIO" || without_minio "go install failed"
}

# S3 then is `weed`, if it is on PATH, or the embedded server, which is no evidence.
without_minio() {
    say "no MinIO: $1"
    if [ "${UNFORKED_REQUIRE_SERVICES:-}" = 1 ]; then
        exit 4
    fi
    say "going on without it; what needs a real S3 will be skipped"
}

main "$@"

#!/usr/bin/env bash
# Makes the certificates beside it anew: tests/data/tls/make.sh. Needs openssl 1.1.1 or later.
# All dates are fixed; the keys are new each time, and those of the authorities are thrown away.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

long=(-startdate 20200101000000Z -enddate 21200101000000Z)
past=(-startdate 20200101000000Z -enddate 20200201000000Z)

cat >"$work/config" <<CONFIG
[ca]
default_ca = own
[own]
dir = $work
new_certs_dir = $work
database = $work/index
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
email_in_dn = no
copy_extensions = copy
[any]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
CONFIG
: >"$work/index"

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
ca() { openssl ca -batch -notext -config "$work/config" "$@" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }; }

# authority NAME: NAME.pem, whose key stays in the work folder.
authority() {
    key "$work/$1-key.pem"
    openssl req -new -key "$work/$1-key.pem" -subj "/CN=steadfast test $1" -out "$work/$1.csr"
    ca -selfsign -extensions authority -keyfile "$work/$1-key.pem" -in "$work/$1.csr" -out "$1.pem" "${long[@]}"
}

# server NAME COMMON-NAME ALTERNATIVES DATES…: NAME.pem and NAME-key.pem, signed by `ca`.
server() { request "$@" && ca -extensions server -cert ca.pem -keyfile "$work/ca-key.pem" -in "$work/$1.csr" -out "$1.pem" "${@:4}"; }
request() {
    key "$1-key.pem"
    openssl req -new -key "$1-key.pem" -subj "/CN=$2" -addext "subjectAltName=$3" -out "$work/$1.csr"
}

here=IP:127.0.0.1,DNS:localhost
authority ca
authority other-ca
server server 127.0.0.1 "$here" "${long[@]}"
server elsewhere elsewhere.invalid DNS:elsewhere.invalid "${long[@]}"
server expired 127.0.0.1 "$here" "${past[@]}"
request self-signed 127.0.0.1 "$here"
ca -selfsign -extensions server -keyfile self-signed-key.pem -in "$work/self-signed.csr" -out self-signed.pem "${long[@]}"
# For `caching_sha2_password` in plain text: the server's pair of keys.
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out login-key.pem 2>/dev/null
openssl pkey -in login-key.pem -pubout -out login-public.pem

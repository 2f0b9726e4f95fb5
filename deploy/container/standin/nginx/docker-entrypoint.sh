#!/bin/sh
# As the official one: every template becomes a file in conf.d, with the variables of the environment that are defined.
set -eu

# shellcheck disable=SC2016 # names for envsubst, not values
defined=$(env | cut -d= -f1 | sed 's/.*/${&}/' | tr '\n' ' ')
for template in /etc/nginx/templates/*.template; do
    [ -e "$template" ] || continue
    name=$(basename "$template" .template)
    envsubst "$defined" <"$template" >"/etc/nginx/conf.d/$name"
done
exec "$@"

#!/usr/bin/env bash
# Builds the image, starts everything that docker-compose.yml describes with three servers, tries it from outside, and
# takes it down again; nothing stays. Ends with 0 only if every check passed.
#
#   deploy/container/try.sh
#
# Where docker answers and can fetch the base images, that is what is tried. Elsewhere, as root on Debian with docker.io,
# docker-compose, debootstrap, curl, openssl and python3, it runs a daemon of its own on a socket of its own, and makes
# stand-ins for the base images from Debian packages (standin/README.md).
#
#   TRY_OWN=1            a daemon of its own and stand-ins, whatever else there is
#   TRY_CACHE=DIR        keep the Debian base system in this directory for the next time
#   TRY_COMPOSE=PROGRAM  the compose to try; else `docker compose`, else docker-compose
#   TRY_HTTPS_PORT=18443, TRY_HTTP_PORT=18080   ports of 127.0.0.1 that must be free
#   TRY_LOGS=DIR         keep the logs of the containers there
set -euo pipefail

checkout=$(cd "$(dirname "$0")/../.." && pwd)
size_limit=250000000
host=echs.test
https_port=${TRY_HTTPS_PORT:-18443}
http_port=${TRY_HTTP_PORT:-18080}
project=echstry$$

work=$(mktemp -d)
copy=$work/project
daemon=""
brought_up=""
failures=0
dump=""
child=""
table=()

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 2; }

passed() { table+=("ok      $1"); say "ok: $1"; }
failed() { table+=("FAILED  $1"); failures=$((failures + 1)); say "FAILED: $1"; }
skipped() { table+=("skipped $1"); say "skipped: $1"; }

# check NAME COMMAND...: the command's last lines are shown when it fails.
check() {
    local name=$1
    shift
    if "$@" >"$work/check.out" 2>&1; then passed "$name"; else
        failed "$name"
        tail -n 8 "$work/check.out" >&2
    fi
}

is() { [ "$1" = "$2" ] || { echo "wanted '$2', got '$1'"; return 1; }; }
refuses() { if "$@"; then echo "was not refused"; return 1; fi; }

# --- the surroundings, and their end ---------------------------------------------------------------------------------

compose() { (cd "$copy" && timeout "${within:-300}" "${compose_command[@]}" -p "$project" "${files[@]}" "$@"); }

# shellcheck disable=SC2317 # called by the trap
clean() {
    local code=$?
    trap - EXIT INT TERM
    set +e
    [ -z "$child" ] || { pkill -TERM -P "$child" 2>/dev/null; kill "$child" 2>/dev/null; wait "$child" 2>/dev/null; }
    if [ -n "$brought_up" ]; then
        [ -z "${TRY_LOGS:-}" ] || { mkdir -p "$TRY_LOGS"; compose logs --no-color >"$TRY_LOGS/containers.log" 2>&1; }
        within=120 compose --profile backup down -v --remove-orphans >/dev/null 2>&1
        [ -n "$daemon" ] || docker image rm "echs:$project" "echs-backup:$project" >/dev/null 2>&1
    fi
    if [ -n "$daemon" ]; then
        kill "$daemon" 2>/dev/null
        for _ in $(seq 60); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.5; done
        grep -F " $work/" /proc/mounts | cut -d' ' -f2 | sort -r | while read -r mount; do umount "$mount"; done
    fi
    rm -rf "$work"
    exit "$code"
}
trap clean EXIT
trap 'exit 130' INT TERM

# A trap waits for what runs in the foreground; what takes minutes runs beside it, so that the end is prompt.
beside() {
    "$@" &
    child=$!
    local code=0
    wait "$child" || code=$?
    child=""
    return "$code"
}

start_daemon() {
    [ "$(id -u)" = 0 ] || die "no docker daemon answers; to start one of its own this has to run as root"
    command -v dockerd >/dev/null || die "there is no dockerd: apt-get install docker.io"
    say "starting a docker daemon of its own"
    # Neither firewall nor default bridge: it leaves the machine's network alone but for bridges of its own.
    timeout 3600 dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
        --iptables=false --bridge=none --host "unix://$work/docker.sock" >"$work/dockerd.log" 2>&1 &
    daemon=$!
    export DOCKER_HOST=unix://$work/docker.sock
    for _ in $(seq 60); do
        docker info >/dev/null 2>&1 && return
        sleep 0.5
    done
    tail -n 5 "$work/dockerd.log" >&2
    die "the daemon did not start"
}

make_stand_ins() {
    local base=${TRY_CACHE:-$work}/debian.tar
    if [ ! -s "$base" ]; then
        command -v debootstrap >/dev/null || die "there is no debootstrap: apt-get install debootstrap"
        say "making a Debian base system"
        beside timeout 900 debootstrap --variant=minbase --include=ca-certificates trixie "$work/root" >"$work/debootstrap.log" 2>&1 ||
            { tail -n 5 "$work/debootstrap.log" >&2; die "debootstrap failed"; }
        # As slim as the images of registries; and whoever this machine trusts, where a proxy opens TLS.
        rm -rf "$work/root/usr/share/"{doc,man,locale,info}/* "$work/root/var/cache/apt/"* "$work/root/var/lib/apt/lists/"*
        [ ! -s /etc/ssl/certs/ca-certificates.crt ] ||
            cp /etc/ssl/certs/ca-certificates.crt "$work/root/etc/ssl/certs/ca-certificates.crt"
        mkdir -p "$(dirname "$base")"
        tar -C "$work/root" -cf "$base.new" .
        mv "$base.new" "$base"
        rm -rf "$work/root"
    fi
    docker import "$base" standin-debian >/dev/null
    local image
    for image in "$python_image" "$postgres_image" "$nginx_image"; do
        say "making a stand-in for $image"
        beside timeout 600 docker build --network host --tag "$image" "$checkout/deploy/container/standin/${image%%:*}" >"$work/build.log" 2>&1 ||
            { tail -n 8 "$work/build.log" >&2; die "the stand-in for $image could not be made"; }
    done
}

default_of() { sed -n "s/.*\${$1:-\([^}]*\)}.*/\1/p" "$checkout/docker-compose.yml" | sed -n 1p; }
python_image=$(default_of PYTHON_IMAGE)
postgres_image=$(default_of POSTGRES_IMAGE)
nginx_image=$(default_of NGINX_IMAGE)

can_fetch() {
    local image
    for image in "$python_image" "$postgres_image" "$nginx_image"; do
        docker image inspect "$image" >/dev/null 2>&1 || timeout 300 docker pull --quiet "$image" >/dev/null 2>&1 || return 1
    done
}

for each in docker curl openssl python3; do command -v "$each" >/dev/null || die "there is no $each"; done
# Asked before anything is built: fifteen minutes later is late.
port_is_free() { python3 -c 'import socket, sys; socket.socket().bind(("127.0.0.1", int(sys.argv[1])))' "$1" 2>/dev/null; }
port_is_free "$https_port" || die "port $https_port is in use here; set TRY_HTTPS_PORT to another"
port_is_free "$http_port" || die "port $http_port is in use here; set TRY_HTTP_PORT to another"
files=(-f docker-compose.yml)
stand_ins=""
if [ -z "${TRY_OWN:-}" ] && timeout 20 docker info >/dev/null 2>&1 && can_fetch; then
    say "with the docker daemon of this machine"
else
    start_daemon
    files+=(-f deploy/container/try.override.yml)
    if ! can_fetch; then stand_ins=yes; make_stand_ins; fi
fi
if [ -n "${TRY_COMPOSE:-}" ]; then compose_command=("$TRY_COMPOSE"); elif docker compose version >/dev/null 2>&1; then compose_command=(docker compose); else
    command -v docker-compose >/dev/null || die "there is neither docker compose nor docker-compose"
    compose_command=(docker-compose)
fi

# --- a copy of the checkout, so that its .env and its secrets are left alone ------------------------------------------

mkdir "$copy"
(cd "$checkout" && cp -R .dockerignore .env.example Dockerfile README.md deploy docker-compose.yml migrations \
    LICENSE pyproject.toml requirements.lock src wsdl "$copy")
sed "s/^ECHS_HOST=.*/ECHS_HOST=$host/" "$checkout/.env.example" >"$copy/.env"
cat >>"$copy/.env" <<END
ECHS_IMAGE=echs:$project
ECHS_BACKUP_IMAGE=echs-backup:$project
ECHS_HTTPS_PORT=127.0.0.1:$https_port
ECHS_HTTP_PORT=127.0.0.1:$http_port
END

# --- the files themselves ------------------------------------------------------------------------------------------

scripts=("$checkout"/deploy/container/*.sh "$checkout"/deploy/nginx/*.sh "$checkout"/deploy/container/standin/*/*.sh
    "$checkout"/deploy/systemd/echs-run)
for each in "${scripts[@]}"; do
    case "$each" in */try.sh) shell="bash" ;; *) shell="sh" ;; esac
    "$shell" -n "$each" || failed "$each can be parsed"
done
if command -v shellcheck >/dev/null; then
    check "shellcheck finds nothing in ${#scripts[@]} scripts" shellcheck "${scripts[@]}"
else
    skipped "shellcheck is not installed"
fi
check "compose accepts the file ($("${compose_command[@]}" version --short))" compose config -q

secrets_are_kept() {
    (cd "$copy" && sh deploy/container/secrets.sh) && sum=$(cat "$copy"/secrets/* | sha256sum) &&
        (cd "$copy" && sh deploy/container/secrets.sh) && is "$(cat "$copy"/secrets/* | sha256sum)" "$sum" &&
        is "$(stat -c %a "$copy/secrets")" 700
}
check "secrets.sh makes secrets, and never twice" secrets_are_kept

site_is_valid() {
    ECHS_LISTEN_HTTPS=127.0.0.1:$https_port ECHS_LISTEN_HTTP=127.0.0.1:$http_port ECHS_TLS_CERT=$copy/secrets/tls.crt \
        ECHS_TLS_KEY=$copy/secrets/tls.key sh "$checkout/deploy/nginx/site.sh" "$host" >"$work/site.conf" || return 1
    refuses grep -F "\${" "$work/site.conf" || return 1
    printf 'pid %s/nginx.pid; events {} http { gzip on; include %s/site.conf; }\n' "$work" "$work" >"$work/nginx.conf"
    nginx -t -c "$work/nginx.conf"
}
if command -v nginx >/dev/null; then
    check "site.sh makes a file that nginx $(nginx -v 2>&1 | sed 's/.*nginx.//') takes" site_is_valid
else
    skipped "nginx is not installed here: the site file for a host of its own"
fi

units_are_valid() {
    local out
    out=$(systemd-analyze verify "$checkout"/deploy/systemd/echs*.service "$checkout"/deploy/systemd/echs*.timer 2>&1) || true
    # The program is not installed here; anything else is wrong.
    refuses grep -v "/opt/echs/bin/echs is not executable" <<<"$out"
}
if command -v systemd-analyze >/dev/null; then check "systemd-analyze verifies the units" units_are_valid; else
    skipped "systemd-analyze is not installed: the units"
fi

# --- the image -----------------------------------------------------------------------------------------------------

say "building the image"
within=1200 beside compose build app >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; die "the image could not be built"; }
image=echs:$project
of_image() { docker image inspect --format "$1" "$image"; }
size=$(of_image '{{.Size}}')
base_size=$(docker image inspect --format '{{.Size}}' "$python_image")
check "the image has $((size / 1000000)) MB, $((base_size / 1000000)) of them the base; limit $((size_limit / 1000000))" \
    test "$size" -lt "$size_limit"
check "the image's user is 10001:10001" is "$(of_image '{{.Config.User}}')" 10001:10001
check "the image ends on SIGTERM and has a health check" \
    is "$(of_image '{{.Config.StopSignal}} {{if .Config.Healthcheck}}yes{{end}}')" "SIGTERM yes"
check "no pip, no build tool, no SOAP client in the image's environment" refuses docker run --rm --network none \
    --entrypoint sh "$image" -c 'ls /opt/echs/lib/python3*/site-packages | grep -E -x "pip|setuptools|hatchling|zeep|requests"'
alone() {
    docker run --rm --network none --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp "$image" "$@"
}
check "the image runs alone, read-only, without any right" alone --version

# --- everything together -------------------------------------------------------------------------------------------

say "starting everything, with three servers"
brought_up=yes
compose up -d --scale app=3 >"$work/up.log" 2>&1 || { tail -n 20 "$work/up.log" >&2; compose logs --tail=20 >&2 || true; die "it did not start"; }

ids() { compose ps -q "$1"; }
healthy() {
    local id
    for id in $(ids db) $(ids app) $(ids proxy); do
        is "$(docker inspect --format '{{.State.Health.Status}}' "$id")" healthy || return 1
    done
}
until_true() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 1
    done
}
check "database, three servers and proxy are healthy" until_true 90 healthy
check "there are three servers" is "$(ids app | wc -l)" 3
check "migrate has ended with 0" is "$(docker inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$(compose ps -a -q migrate 2>/dev/null || ids migrate)")" "exited 0"

hardened() {
    docker inspect "$1" | python3 -c 'import json, sys
host = json.load(sys.stdin)[0]["HostConfig"]
print({name: host[name] for name in ("ReadonlyRootfs", "CapDrop", "CapAdd", "SecurityOpt", "Privileged", "Memory", "NanoCpus", "PidsLimit")})
good = host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"] and not host["Privileged"]
good = good and host["SecurityOpt"] == ["no-new-privileges:true"]
sys.exit(not (good and host["Memory"] and host["NanoCpus"] and host["PidsLimit"]))'
}
for service in db app proxy; do
    id=$(ids "$service" | sed -n 1p)
    check "$service: read-only, all capabilities dropped, no new privileges, limits" hardened "$id"
    status=$(docker exec "$id" cat /proc/1/status)
    check "$service: as seen inside, not root, no capability, no new privileges" is \
        "$(awk '/^Uid:/ {print ($2 > 0 ? "user" : "root")} /^Cap(Prm|Eff|Bnd|Amb):/ {print $2} /^NoNewPrivs:/ {print $2}' <<<"$status" | tr '\n' ' ')" \
        "user 0000000000000000 0000000000000000 0000000000000000 0000000000000000 1 "
    check "$service: cannot write outside its volumes" refuses docker exec "$id" sh -c 'touch /written || touch /etc/written || touch /usr/written'
    case "$service" in
        proxy) want="8080/tcp 8443/tcp " ;;
        *) want="" ;;
    esac
    check "$service: publishes ${want:-nothing}" is \
        "$(docker inspect --format '{{range $port, $to := .NetworkSettings.Ports}}{{if $to}}{{$port}} {{end}}{{end}}' "$id")" "$want"
done
app=$(ids app | sed -n 1p)
mapfile -t all < <(ids db; ids app; ids proxy)
check "no password and no key in any environment" refuses grep -q -F -f <(cat "$copy"/secrets/db_password "$copy"/secrets/echs_secret_key) \
    <(docker inspect "${all[@]}")
cannot_get_out() {
    docker exec "$app" python3 -c 'import errno, socket
try: socket.create_connection(("192.0.2.1", 443), 3)
except OSError as error: raise SystemExit(error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH) and not isinstance(error, TimeoutError))'
}
check "a server cannot reach the outside" cannot_get_out

# --- through the proxy ---------------------------------------------------------------------------------------------

base=https://$host:$https_port
ask() { timeout 90 curl --silent --max-time 60 --cacert "$copy/secrets/tls.crt" --resolve "$host:$https_port:127.0.0.1" "$@"; }
code() { ask --output /dev/null --write-out '%{http_code}' "$@" || true; }

check "WSDL over TLS, with the public address" grep -q "https://$host/ochp/0.2" <(ask "$base/ochp/0.2?wsdl")
check "/livez 200" is "$(code "$base/livez")" 200
check "/metrics and /readyz 404 from outside" is "$(code "$base/metrics") $(code "$base/readyz") $(code "$base/ochp/..%2fmetrics") $(code --path-as-is "$base/ochp/../metrics") $(code "$base//metrics")" "404 404 404 404 404"
check "/readyz 200 inside" docker exec "$app" python3 -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:8080/readyz", timeout=5)'
check "unknown name in the handshake: no certificate" is "$(curl -sk -m 10 -o /dev/null -w '%{http_code}' --resolve "other.test:$https_port:127.0.0.1" "https://other.test:$https_port/livez" || true)" 000
check "no name in the handshake: no certificate" is "$(curl -sk -m 10 -o /dev/null -w '%{http_code}' "https://127.0.0.1:$https_port/livez" || true)" 000
check "unknown Host in the request: 421" is "$(code -H 'Host: other.test' "$base/livez")" 421
check "clear text, unknown Host: cut" is "$(curl -s -m 10 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$http_port/" || true)" 000
check "clear text: GET is sent to https, POST is refused" is \
    "$(curl -s -m 10 -o /dev/null -w '%{http_code} %{redirect_url}' -H "Host: $host" "http://127.0.0.1:$http_port/ochp/0.2?wsdl") $(curl -s -m 10 -o /dev/null -w '%{http_code}' -H "Host: $host" -d x "http://127.0.0.1:$http_port/ochp/0.2")" \
    "301 https://$host/ochp/0.2?wsdl 403"
tls() { openssl s_client -connect "127.0.0.1:$https_port" -servername "$host" "$@" </dev/null 2>&1; }
check "TLS 1.1 is refused" refuses grep -q "Cipher is [A-Z]" <(tls -tls1_1 -cipher 'DEFAULT@SECLEVEL=0')
check "TLS 1.2 without forward secrecy is refused" refuses grep -q "Cipher is [A-Z]" <(tls -tls1_2 -cipher AES128-GCM-SHA256:AES256-SHA)
check "TLS 1.2 and 1.3 are spoken" is "$(tls -tls1_2 | grep -c "Cipher is E") $(tls -tls1_3 | grep -c "Cipher is T")" "1 1"
check "HSTS, and no version of the server" is "$(ask --head "$base/livez" | tr -d '\r' | grep -i -E '^(server|strict-transport-security):' | sort | tr '\n' ' ')" \
    "Server: nginx Strict-Transport-Security: max-age=31536000 "
oversize() { is "$(head -c 140000000 /dev/zero | code -H 'Content-Type: text/xml' -H 'Content-Length: 140000000' -H 'Expect:' --data-binary @- "$base/ochp/0.2")" 413; }
check "a body of 140 MB is refused with 413" oversize

# --- a day of roaming ----------------------------------------------------------------------------------------------

echs() { compose exec -T app echs "$@"; }
envelope() { # TOKEN BODY
    printf '<?xml version="1.0" encoding="UTF-8"?>\n<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n="http://www.evclearinghouse.eu/service/">'
    [ -z "$1" ] || printf '<e:Header><n:UserIdentityHeader>%s</n:UserIdentityHeader></e:Header>' "$1"
    printf '<e:Body>%s</e:Body></e:Envelope>' "$2"
}
call() { # CURL-OPTIONS..., the envelope on standard input
    ask -H 'Content-Type: text/xml; charset=utf-8' --data-binary @- "$@" "$base/ochp/0.2"
}
log_in() { # USER PASSWORD [CURL-OPTIONS...]
    envelope "" "<n:AuthenticateRequest><n:userId>$1</n:userId><n:password>$2</n:password></n:AuthenticateRequest>" | call "${@:3}"
}
token_in() { sed -n 's:.*<authToken>\([0-9a-f]*\)</authToken>.*:\1:p'; }

password=$(openssl rand -hex 12)
enrol() {
    printf '%s\n' "$password" | echs partner add tnm --name "The New Motion" --operator TheNewMotion --provider TheNewMotion --hub 5 --password-file - &&
        printf '%s\n' "$password" | echs partner add anwb --name ANWB --provider ANWB --password-file -
}
check "partners are enrolled by a command in a server's container" enrol
check "a wrong password is refused" refuses grep -q "<resultCode>Accepted" <(log_in tnm "${password}x")
answer=$(log_in tnm "$password" -H 'X-Forwarded-For: 203.0.113.9' -H 'Forwarded: for=203.0.113.9' -H 'X-Real-IP: 203.0.113.9')
tnm=$(token_in <<<"$answer")
anwb=$(log_in anwb "$password" | token_in)
check "logins by SOAP through the proxy" test -n "$tnm" -a -n "$anwb"

records=50000
tokens() {
    printf '<?xml version="1.0" encoding="UTF-8"?>\n<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:n="http://www.evclearinghouse.eu/service/"><e:Header><n:UserIdentityHeader>%s</n:UserIdentityHeader></e:Header><e:Body><n:SetRoamingAuthorisationListRequest>' "$tnm"
    awk -v n="$records" 'BEGIN { for (i = 1; i <= n; i++) printf "<n:roamingAuthorisationInfoArray><n:evcoId>NL-TNM-%06d</n:evcoId><n:roamingHubId>5</n:roamingHubId><n:tokenType>1</n:tokenType><n:tokenId>%08X</n:tokenId><n:printedNumber>%06d</n:printedNumber><n:expiryDate>31/12/2037</n:expiryDate><n:pin></n:pin><n:pinMandatory>0</n:pinMandatory><n:tokenActivated>1</n:tokenActivated><n:hash></n:hash></n:roamingAuthorisationInfoArray>", i, i, i }'
    printf '</n:SetRoamingAuthorisationListRequest></e:Body></e:Envelope>'
}
tokens >"$work/tokens.xml"
check "$records tokens up, $(($(stat -c %s "$work/tokens.xml") / 1000000)) MB through the proxy" grep -q "<resultCode>0<" <(call <"$work/tokens.xml")
download() { envelope "$anwb" '<n:GetRoamingAuthorisationListRequest/>' | call "$@"; }
check "$records tokens down from another partner" is "$(download | grep -o '<evcoId>' | wc -l)" "$records"
check "the same to a slow reader, and compressed" is "$(download --limit-rate 6M --compressed | grep -o '<evcoId>' | wc -l)" "$records"

now=$(date -u -d '-1 hour' +%Y-%m-%dT%H:00:00+00:00)
later=$(date -u -d '-1 hour' +%Y-%m-%dT%H:30:00+00:00)
cdr="<n:cdrInfoArray><n:cdrId>try-1</n:cdrId><n:startDatetime>$now</n:startDatetime><n:endDatetime>$later</n:endDatetime><n:duration>0:30:00</n:duration><n:volume>4,6400</n:volume><n:chargePointAddress></n:chargePointAddress><n:chargePointZip></n:chargePointZip><n:chargePointCity></n:chargePointCity><n:chargePointCountry>NLD</n:chargePointCountry><n:chargePointType>2</n:chargePointType><n:productType>0</n:productType><n:tariffType>A0</n:tariffType><n:authenticationId></n:authenticationId><n:evcoId>NL-ANW-133094-6</n:evcoId><n:meterId>01000851</n:meterId><n:obisCode></n:obisCode><n:chargePointId>01000851</n:chargePointId><n:serviceProviderId>ANWB</n:serviceProviderId><n:infraProviderId>TheNewMotion</n:infraProviderId><n:evseId>01000851</n:evseId></n:cdrInfoArray>"
check "a CDR up" grep -q "<resultCode>0<" <(envelope "$tnm" "<n:AddCDRsRequest>$cdr</n:AddCDRsRequest>" | call)
check "cleared by a command" echs clear --yes
link=$(envelope "$anwb" '<n:GetCDRsRequest/>' | call | sed -n 's:.*<docLink>\([^<]*\)</docLink>.*:\1:p')
signed=${link#*/statements/}
signed=${signed%.pdf}
statement() { ask "$base/statements/$signed.pdf" | head -c 5; }
check "its statement by its link, from each server" is "$(statement)$(statement)$(statement)" "%PDF-%PDF-%PDF-"

# --- what is logged ------------------------------------------------------------------------------------------------

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=partner \
    -keyout "$work/partner.key" -out "$work/partner.crt" 2>/dev/null
log_in tnm "$password" --cert "$work/partner.crt" --key "$work/partner.key" -H 'X-Client-Cert: forged' >/dev/null
ask -o /dev/null -H "Referer: $base/statements/$signed.pdf" "$base/livez?$signed"
ask -o /dev/null "$base/Statement/$signed.pdf"
sleep 1
compose logs --no-color proxy >"$work/proxy.log" 2>&1
compose logs --no-color app >"$work/app.log" 2>&1
seen=$(sed -n 's/.*"client":"\([^"]*\)".*/\1/p' "$work/proxy.log" | sort -u)
check "the proxy's log is JSON with request ids, and masks links" is \
    "$(grep -c '"path":"/statements/(link).pdf"' "$work/proxy.log") $(grep -c -F "$signed" "$work/proxy.log") $(sed -n 's/^[^{]*\({"time".*\)/\1/p' "$work/proxy.log" | python3 -c 'import json,sys; print(all(json.loads(line)["time"] for line in sys.stdin))')" "3 0 True"
check "the servers' logs do not hold the link either" is "$(grep -c -F "$signed" "$work/app.log")" 0
check "neither passwords nor tokens in any log" refuses grep -q -F -e "$password" -e "$tnm" -e "$anwb" "$work/proxy.log" "$work/app.log"
check "a client cannot say that it is another: the servers saw $seen" is "$(grep -c '203\.0\.113\.9' "$work/app.log") $(grep -q "\"origin\":\"$(head -n 1 <<<"$seen")\"" "$work/app.log" && echo seen)" "0 seen"
mark=$(openssl x509 -in "$work/partner.crt" -outform DER | sha256sum | cut -c1-16)
check "a client certificate reaches the servers" grep -q "\"certificate\":\"$mark\"" "$work/app.log"

# --- servers come and go -------------------------------------------------------------------------------------------

load() { # COUNT: one GetCDRs after the other, four at a time, but fewer than the proxy allows; prints every code but 200
    envelope "$anwb" '<n:GetCDRsRequest/>' >"$work/small.xml"
    seq "$1" | xargs -P 4 -I{} sh -c 'sleep 0.08; exec "$@"' sh curl --silent --max-time 60 --cacert "$copy/secrets/tls.crt" \
        --resolve "$host:$https_port:127.0.0.1" -H 'Content-Type: text/xml; charset=utf-8' --data-binary "@$work/small.xml" \
        --output /dev/null --write-out '%{http_code}\n' "$base/ochp/0.2" | sed '/^200$/d'
}
during() { # COUNT COMMAND...: no request is lost while the command runs
    local count=$1 lost
    shift
    load "$count" >"$work/lost" &
    local loader=$!
    sleep 1
    "$@" >/dev/null || return 1
    wait "$loader" || true
    lost=$(sort "$work/lost" | uniq -c)
    is "$lost" ""
}
second=$(ids app | sed -n 2p)
third=$(ids app | sed -n 3p)
check "no request is lost when a server is killed" during 300 docker kill --signal KILL "$second"
check "no request is lost when a server is stopped" during 400 docker stop --time 45 "$third"
check "a stopped server ends with 0" is "$(docker inspect --format '{{.State.ExitCode}}' "$third")" 0
back() { compose up -d --no-build --scale app=3 && until_true 60 healthy; }
check "both come back" back
answers() { envelope "$anwb" '<n:GetCDRsRequest/>' | call | grep -q "<resultCode>0<"; }
db_restarts() { within=90 compose restart db && until_true 60 healthy && until_true 30 answers; }
check "after a restart of the database the servers go on by themselves" db_restarts

# --- backup --------------------------------------------------------------------------------------------------------

within=1200 compose --profile backup build backup >"$work/build-backup.log" 2>&1 || { tail -n 20 "$work/build-backup.log" >&2; failed "the image for backups is built"; }
backup() { compose --profile backup run --rm -T backup "$@"; }
backups() { backup list --json /backups 2>/dev/null | sed -n 's:.*"directory"\: "/backups/\(.*\)".*:\1:p'; }
run_backup() { compose --profile backup run --rm -T backup && dump=$(backups | tail -n 1) && [ -n "$dump" ]; }
check "a backup is made by echs backup, with the database's own pg_dump" run_backup
check "it is complete" backup verify "/backups/$dump"
check "it can be taken out" test "$(compose --profile backup run --rm -T --entrypoint tar backup -C /backups -c "$dump" 2>/dev/null | tar -t | grep -c store.pgdump)" = 1
check "the metrics and the alert see it" docker exec "$app" python3 -c 'import urllib.request; assert b"echs_backup_last_timestamp_seconds 1" in urllib.request.urlopen("http://127.0.0.1:8080/metrics", timeout=5).read()'
echs partner add late --name Late --provider Late --json >/dev/null
restore() {
    within=120 compose stop app && compose exec -T db psql -q -U echs -d postgres -c 'ALTER DATABASE echs RENAME TO echs_damaged' -c 'CREATE DATABASE echs' &&
        backup restore "/backups/$dump" && compose up -d --no-build --scale app=3 && until_true 60 healthy &&
        refuses echs partner show late && log_in tnm "$password" | grep -q Accepted
}
check "it is restored: what came later is gone, what was there is there" restore

# --- too many requests: last, for it uses up what this address may ask --------------------------------------------------

too_many() { ask --output /dev/null --write-out '%{http_code}\n' "$base/livez?[1-900]" | sort | uniq -c | tee "$work/codes"; grep -q " 429$" "$work/codes" && grep -q " 200$" "$work/codes"; }
check "too many requests from one address: 429" too_many

down() { within=120 compose --profile backup down -v --remove-orphans && is "$(docker ps -aq --filter "label=com.docker.compose.project=$project" | wc -l) $(docker volume ls -q --filter "label=com.docker.compose.project=$project" | wc -l)" "0 0"; }
[ -z "${TRY_LOGS:-}" ] || { mkdir -p "$TRY_LOGS"; compose logs --no-color >"$TRY_LOGS/containers.log" 2>&1; }
check "everything is taken down, volumes too" down
brought_up=""

printf '\n'
printf '%s\n' "${table[@]}"
printf '\n%s checks, %s failed; image %s bytes' "${#table[@]}" "$failures" "$size"
[ -z "$stand_ins" ] || printf '; base images: stand-ins from Debian packages'
printf '\n'
[ "$failures" = 0 ]

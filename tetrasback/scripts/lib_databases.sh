# shellcheck shell=bash disable=SC2015,SC2034,SC2153,SC2154,SC2317
# Dumps of the databases that run here, as files below DUMPS/bases. A dump is taken for whole only
# if the program ended well *and* its last line is the one that it writes at its end.
#
# Names of databases are their users' choice: they are asked for in hexadecimal, given to the
# program behind "--", and written into file names with %XX for what a file name had better not
# hold.

# listening SOCKET: does a server listen there, for all that is known without its client?
# proc(5), net/unix: flag 00010000, path last.
listening() {
    [[ -S $1 ]] && awk -v path="$1" '
        $4 == "00010000" && ($8 == path || "/var" $8 == path || $8 == "/var" path) { found = 1 }
        END { exit !found }' /proc/net/unix
}

first_command() {
    local name
    for name in "$@"; do
        type -P "$name" && return 0
    done
    return 1
}

# The client reads the server's own configuration files, and root's, for where the socket is.
mysql_client() {
    local client
    client=$(first_command mariadb mysql) || return 1
    "$client" --batch --skip-column-names --raw --default-character-set=utf8mb4 "$@"
}

# mysql_runs: does a server answer, or at least listen where Debian's does?
mysql_runs() {
    local admin
    if admin=$(first_command mariadb-admin mysqladmin); then
        # Succeeds also where the server is there but refuses us.
        "$admin" --connect-timeout=10 ping >/dev/null 2>&1 && return 0
    fi
    listening /run/mysqld/mysqld.sock
}

# decode HEX: the bytes, in TEXT. encode HEX: a file name, in TEXT.
decode() {
    local i escaped=''
    for ((i = 0; i < ${#1}; i += 2)); do
        escaped+="\\x${1:i:2}"
    done
    printf -v TEXT '%b' "$escaped"
}
encode() {
    local i pair byte
    TEXT=''
    for ((i = 0; i < ${#1}; i += 2)); do
        pair=${1:i:2}
        printf -v byte '%b' "\\x$pair"
        # Letters, digits, a few marks and everything of UTF-8's longer forms stay as they are.
        if [[ $byte == [A-Za-z0-9_-] || ( $i -gt 0 && $byte == [.=+@] ) || $pair == [89A-Fa-f]? ]]; then
            TEXT+=$byte
        else
            TEXT+=%$pair
        fi
    done
}

# mysql_names: names of all databases but the server's views of itself, one a line, in hexadecimal.
mysql_names() {
    mysql_client --execute="SELECT HEX(SCHEMA_NAME) FROM information_schema.SCHEMATA
        WHERE LOWER(SCHEMA_NAME) NOT IN ('information_schema', 'performance_schema', 'sys')
        ORDER BY SCHEMA_NAME"
}

# How a program that failed says that the disk is full, each its own way.
readonly DUMP_FULL='No space left on device|[Ee]rrno:? 28|Disk quota exceeded'

# dump TO LAST-LINE COMMAND...: run COMMAND with its output in the file TO.
# 0; NO_ROOM; 1 = failed, with the reason in REASON.
dump() {
    local to=$1 last=$2 stream line status
    shift 2
    REASON=''
    exec {stream}< <(exec "$@" 2>&1 >"$to")
    CHILD=$!
    while IFS= read -r line <&"$stream" || [[ -n $line ]]; do
        ((${#REASON} > 500)) || REASON+="$line "
    done
    exec {stream}<&-
    wait "$CHILD"
    status=$?
    CHILD=''
    if ((status == 0)) && tail -c 4096 -- "$to" | grep -q -- "$last"; then
        return 0
    fi
    if [[ $REASON =~ $DUMP_FULL ]]; then
        # The server's own disk may be the full one; no backup must go for that.
        free_bytes
        ((FREE > 4 << 20)) || return "$NO_ROOM"
    fi
    [[ -n $REASON ]] || REASON="it ended early (status $status)"
    return 1
}

# dump_mysql: every database of the MySQL or MariaDB server, DUMPS/bases/mysql/NAME.sql each.
dump_mysql() {
    local dumper names hex name file status
    dumper=$(first_command mariadb-dump mysqldump) \
        || die "a MySQL or MariaDB server runs but mysqldump is not installed; install mariadb-client"
    names=$(mysql_names 2>&1) || die "cannot list the MySQL databases: ${names:0:500}"
    attempt mkdir -p -- "$DUMPS/bases/mysql" || return
    for hex in $names; do
        decode "$hex"
        name=$TEXT
        encode "$hex"
        file=$DUMPS/bases/mysql/$TEXT.sql
        dump "$file" '^-- Dump completed' \
            "$dumper" --default-character-set=utf8mb4 --single-transaction --quick --hex-blob \
            --routines --events --triggers --comments --skip-dump-date --databases -- "$name"
        status=$?
        case $status in
            0) ;;
            1)
                names=$(mysql_names 2>/dev/null) && [[ $'\n'$names$'\n' != *$'\n'"$hex"$'\n'* ]] \
                    || blame "the dump of the MySQL database $name failed: $REASON"
                note "vanished while it was read: the MySQL database $name"
                rm -f -- "$file" ;;
            *) return "$status" ;;
        esac
    done
}

# answers SOCKET PORT: is it a PostgreSQL server's? (1 of pg_isready: it is, but only just starting.)
answers() {
    type -P pg_isready >/dev/null || { listening "$1"; return; }
    pg_isready --quiet --timeout=10 --host="${1%/*}" --port="$2" || (($? == 1))
}

# postgresql_servers: a line "OWNER NAME OPTION..." for each that runs. Debian's clusters by their
# own list; besides them whatever listens where Debian's clients look.
postgresql_servers() {
    local version cluster port status owner rest socket
    local -A seen=()
    if type -P pg_lsclusters >/dev/null; then
        while read -r version cluster port status owner rest; do
            [[ $status == online* ]] || continue
            seen[$port]=1
            printf '%s postgresql-%s-%s --cluster=%s/%s\n' \
                "$owner" "$version" "$cluster" "$version" "$cluster"
        done < <(pg_lsclusters -h)
    fi
    for socket in /run/postgresql/.s.PGSQL.*; do
        port=${socket##*.}
        [[ $port =~ ^[0-9]+$ && -z ${seen[$port]:-} ]] && answers "$socket" "$port" || continue
        printf '%s postgresql-%s --host=/run/postgresql --port=%s\n' \
            "$(stat -c %U -- "$socket")" "$port" "$port"
    done
}

# dump_postgresql: every running server whole, DUMPS/bases/postgresql-….sql each.
dump_postgresql() {
    local owner name options status
    type -P pg_dumpall >/dev/null \
        || die "a PostgreSQL server runs but pg_dumpall is not installed; install postgresql-client"
    attempt mkdir -p -- "$DUMPS/bases" || return
    while read -r owner name options; do
        # shellcheck disable=SC2086  # several options, each without blanks
        dump "$DUMPS/bases/$name.sql" '^-- PostgreSQL database cluster dump complete' \
            setpriv --reuid="$owner" --regid="$(id -g -- "$owner")" --init-groups \
            env --chdir=/ HOME=/ pg_dumpall --no-password --lock-wait-timeout=600000 $options
        status=$?
        ((status != 1)) || blame "the dump of $name failed: $REASON"
        ((status == 0)) || return "$status"
    done <<<"$POSTGRESQL"
}

# dump_databases MYSQL POSTGRESQL: each "yes" (asked for: it must run), "auto" or "no".
# 0 or NO_ROOM. Sets up DUMPS from nothing, so that it can be called again.
dump_databases() {
    local mysql=$1 postgresql=$2
    POSTGRESQL=''
    attempt rm -rf --one-file-system -- "$DUMPS" || return
    attempt mkdir -- "$DUMPS" || return
    if [[ $mysql == auto ]] && ! mysql_runs; then
        mysql=no
    fi
    [[ $postgresql == no ]] || POSTGRESQL=$(postgresql_servers)
    [[ $postgresql != yes || -n $POSTGRESQL ]] || die "--postgresql: no PostgreSQL server runs here"
    if [[ $mysql == yes ]] && ! mysql_runs; then
        die "--mysql: no MySQL or MariaDB server runs here"
    fi
    if [[ $mysql != no ]]; then
        dump_mysql || return
    fi
    if [[ -n $POSTGRESQL ]]; then
        dump_postgresql || return
    fi
    [[ ! -d $DUMPS/bases ]] || attempt tee -- "$DUMPS/bases/RESTORE.txt" <<'TEXT'
mysql/NAME.sql        one database each: mariadb < NAME.sql creates and fills it.
                      mysql/mysql.sql, which holds the users and their rights, last; then
                      mariadb-admin flush-privileges.
postgresql-NAME.sql   a whole server with its roles: as postgres, psql -f FILE postgres.
TEXT
}

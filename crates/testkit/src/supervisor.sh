# Holds one server for a test process: starts it, signals it, and ends it when the test process is gone.
#
# Requests are lines on stdin, each answered by one line. Stdin is a pipe whose other end only the test
# process holds, so it ends when that process does, whatever ended it; SIGKILL included.
#
# $1 the server's folder, $2 the socket's own folder or empty, $3 the log; the rest is the server's command.

# A group that loses its parent while a member is stopped gets SIGHUP: this shell must outlive it.
trap '' HUP INT QUIT TERM

folder=$1
socket_folder=$2
log=$3
shift 3
pid=

end() {
    if [ -n "$pid" ]; then
        kill -KILL "$pid"
        wait "$pid"
        pid=
    fi
}

while read -r request; do
    case $request in
    start)
        # Descriptor 2 is the lock on the folder; the server must not inherit it.
        (trap - HUP INT QUIT TERM; exec "$@") </dev/null >>"$log" 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    running)
        # `jobs` collects a child that has ended; before that it would still count as there.
        jobs >/dev/null
        if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
            echo yes
        else
            pid=
            echo no
        fi
        ;;
    pause) if [ -n "$pid" ] && kill -STOP "$pid"; then echo yes; else echo no; fi ;;
    resume) if [ -n "$pid" ] && kill -CONT "$pid"; then echo yes; else echo no; fi ;;
    kill)
        end
        echo yes
        ;;
    stop)
        # Not waited for here: a server that does not stop must not keep this shell from ending it.
        if [ -n "$pid" ]; then
            kill -TERM "$pid"
            kill -CONT "$pid"
        fi
        echo yes
        ;;
    keep)
        folder=
        socket_folder=
        echo yes
        ;;
    *) echo unknown ;;
    esac
done

end
if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
if [ -n "$socket_folder" ]; then rm -rf -- "$socket_folder"; fi

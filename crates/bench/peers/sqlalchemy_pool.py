"""SQLAlchemy's QueuePool as a peer: `sqlalchemy_pool.py DRIVER METRIC URL`.

Prints what it is, then for each line of input (seconds) does one round and prints its values.
"""

import sys
import threading
import time

import sqlalchemy

HOLD = 0.002
DRIVER = sys.argv[1]
ROOMY, FEW, THREADS, WARM, MOST = 10, 4, 32, 5, 50


def engine(url, size, overflow=0, ask=False):
    # It rolls back at each return, which is its default.
    url = url.replace("mysql://", f"mysql+{DRIVER}://", 1)
    return sqlalchemy.create_engine(
        url, pool_size=size, max_overflow=overflow, pool_pre_ping=ask, pool_recycle=3600
    )


def side_by_side(count, work):
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def cycle_live(url):
    pool = engine(url, ROOMY, ask=True)

    def round_of(seconds):
        start = time.perf_counter()
        done = 0
        while True:
            for _ in range(100):
                pool.raw_connection().close()
            done += 100
            took = time.perf_counter() - start
            if took >= seconds:
                return [took / done * 1e9]

    return round_of


def wait_p99(url):
    pool = engine(url, FEW)

    def round_of(seconds):
        waits = [[] for _ in range(THREADS)]
        start = time.perf_counter()

        def work(number):
            while True:
                asked = time.perf_counter()
                if asked >= start + seconds:
                    return
                connection = pool.raw_connection()
                waits[number].append(time.perf_counter() - asked)
                time.sleep(HOLD)
                connection.close()

        side_by_side(THREADS, work)
        took = time.perf_counter() - start
        everything = sorted(wait for one in waits for wait in one)
        p99 = everything[-(-99 * len(everything) // 100) - 1] * 1e3
        counts = [len(one) for one in waits]
        spread = max(counts) / min(counts) if min(counts) else float("inf")
        return [p99, everything[-1] * 1e3, len(everything) / took, spread]

    return round_of


def spike(url):
    def round_of(_seconds):
        pool = engine(url, WARM, overflow=MOST - WARM)

        def work(_number):
            connection = pool.raw_connection()
            time.sleep(HOLD)
            connection.close()

        warm = [pool.raw_connection() for _ in range(WARM)]
        for connection in warm:
            connection.close()
        start = time.perf_counter()
        side_by_side(MOST, work)
        took = time.perf_counter() - start
        pool.dispose()
        return [took * 1e3]

    return round_of


def main():
    metric, url = sys.argv[2:]
    round_of = {"cycle_live": cycle_live, "wait_p99": wait_p99, "spike": spike}[metric](url)
    print("SQLAlchemy", sqlalchemy.__version__, "over", DRIVER, flush=True)
    for line in sys.stdin:
        print(*round_of(float(line)), flush=True)


main()

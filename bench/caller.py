"""Calls methods on several buses by turns and tells how long each answer took, as JSON.

A program for Debian's Python, with libdbus (python3-dbus) as the one client for all. Its standard
input is a list of `[bus address, destination, path, interface, member, signature, arguments]`, its
argument the number of calls of each; its output a list of lists of µs, in the same order.
"""

import json
import random
import sys
import time

import dbus.bus

import dbus


def main() -> None:
    count = int(sys.argv[1])
    targets = json.load(sys.stdin)
    buses = {target[0]: dbus.bus.BusConnection(target[0]) for target in targets}
    taken: list[list[float]] = [[] for _ in targets]
    order = list(zip(taken, targets, strict=True))
    for number in range(count + 20):
        # Whose turn comes after another service's finds the processor's caches cold: so by chance.
        random.shuffle(order)
        for times, (address, *call, arguments) in order:
            before = time.perf_counter()
            buses[address].call_blocking(*call, arguments)
            if number >= 20:  # the first are for warming up
                times.append((time.perf_counter() - before) * 1e6)
    json.dump(taken, sys.stdout)


if __name__ == "__main__":
    main()

"""Runs on the MicroPython unix port: one target on its kept corpus and on seeded random inputs.

unix_main.py TARGET SEED COUNT CORPUS   one JSON line: inputs, ms, bytes of heap left behind; or the
input that failed (hex), and the traceback
"""

import binascii
import gc
import json
import os
import sys
import time

from tests.fuzz import mutate

_WARM = 500  # inputs after which everything that is kept once is there


def _corpus(folder):
    out = []
    for name in sorted(os.listdir(folder)):
        with open(folder + "/" + name, "rb") as f:
            out.append(f.read())
    return out


def _heap(target):
    # A target may keep a wrap for the next input: whether it does depends on the last one.
    forget = getattr(target, "forget", None)
    if forget:
        forget()
    gc.collect()
    return gc.mem_alloc()


def main(name, seed, count, folder):
    target = getattr(__import__("tests.fuzz.targets." + name).fuzz.targets, name)
    one = target.one
    seeds = _corpus(folder)
    began = time.ticks_ms()
    # The corpus comes last both times: what the last inputs leave on the stack, where the collector
    # finds it, is the same then.
    done = _all(one, mutate.inputs(seeds, seed + 1, _WARM)) + _all(one, seeds)
    heap = _heap(target)
    done += _all(one, mutate.inputs(seeds, seed, count)) + _all(one, seeds)
    grown = _heap(target) - heap
    ms = time.ticks_diff(time.ticks_ms(), began)
    print(json.dumps({"target": name, "inputs": done, "ms": ms, "grown": grown}))


def _all(one, inputs):
    """Return how many there were."""
    done = 0
    for data in inputs:
        try:
            one(data)
        except Exception as error:
            print(json.dumps({"input": binascii.hexlify(data).decode()}))
            sys.print_exception(error)
            sys.exit(1)
        done += 1
    return done


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

"""Requests per second that one core inspects: real browser traffic, a 1.1 KB JSON POST, an attack flood.

``python -m bench.detect_speed`` runs each load ``RUNS`` times and prints the median, with the time per request at the
50th and 99th percentile. Requests are parsed before the clock starts: an engine gets Exchanges, not bytes.
"""

from __future__ import annotations

import binascii
import gzip
import json
import statistics
import sys
import time

from bench.accuracy import data_directory
from cli_py.classify import read_request
from common_py.contracts import Request
from common_py.errors import UserError
from processing_py.detect.engine import Engine

RUNS = 5
REQUESTS = 2000


def sample(name: str, label: int, count: int) -> list[Request]:
    """The first ``count`` requests of a set with ``label``."""
    found: list[Request] = []
    with gzip.open(data_directory() / f"{name}.jsonl.gz", "rb") as lines:
        for line in lines:
            row = json.loads(line)
            if row["label"] == label:
                found.append(read_request(binascii.a2b_base64(row["raw"])))
                if len(found) >= count:
                    break
    return found


def json_post() -> Request:
    """A POST of 39 values in 1.1 KB of JSON."""
    document = {f"field{index}": f"some plain value {index}" for index in range(20)}
    nested = {"items": [{"sku": f"A-{index}", "count": index, "note": "ok"} for index in range(6)], **document}
    body = json.dumps(nested).encode()
    headers = [(b"Host", b"shop.example.com"), (b"Content-Type", b"application/json"), (b"Accept", b"*/*")]
    return Request(b"POST", b"/api/v1/orders", "1.1", headers, body, len(body))


def time_load(requests: list[Request]) -> tuple[float, float, float]:
    """Requests per second (median of runs), 50th and 99th percentile in microseconds."""
    engine = Engine()
    rates: list[float] = []
    single: list[int] = []
    clock = time.perf_counter_ns
    for _ in range(RUNS):
        begin = clock()
        for request in requests:
            start = clock()
            engine.inspect(request)
            single.append(clock() - start)
        rates.append(len(requests) * 1e9 / (clock() - begin))
    cuts = statistics.quantiles(single, n=100)
    return statistics.median(rates), cuts[49] / 1000, cuts[98] / 1000


def main() -> int:
    """Print the table."""
    try:
        loads = {
            "browser traffic": sample("blazehttp", 0, REQUESTS),
            "JSON POST 1.1 KB": [json_post()] * 500,
            "attack flood": sample("openappsec_malicious", 1, REQUESTS),
        }
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{'load':20} {'requests/s':>11} {'p50 us':>8} {'p99 us':>8}")
    for name, requests in loads.items():
        rate, median, tail = time_load(requests)
        print(f"{name:20} {rate:11.0f} {median:8.1f} {tail:8.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

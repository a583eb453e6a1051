"""The baseline of the airlock's bench: pandas reads a CSV and applies the rules that `checkFile` applies to it.

Prints one line of JSON: seconds for reading and rules together, and the number of findings by rule. The rules are written
over whole columns, as pandas is fast; the regular expressions for identifiers only see cells that could hold one.
"""

import json
import resource
import sys
import time

import numpy
import pandas

THRESHOLD, K, P, TAIL, DECIMALS = 5, 0.9, 0.1, 5, 2
EMAIL = r"[\w.+-]{1,64}@(?:[A-Za-z\d-]{1,63}\.){1,4}[A-Za-z]{2,24}"
NINO = r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"
PHONE = r"(?:\+|00)44 ?\d{2,4} ?\d{3} ?\d{3,4}|\b07\d{3} \d{3} ?\d{3}\b|\b0\d{2,4} \d{3,4} \d{3,4}\b"
POSTCODE = r"(?:^|[^\w-])[A-PR-UWYZ][A-Z\d]{1,3} ?\d[ABD-HJLNP-UW-Z]{2}(?:$|[^\w-])"
NHS = r"(?:^|[^\w.-])\d{3}[ -]\d{3}[ -]\d{4}(?:$|[^\w.-])"

started = time.perf_counter()
# What a percentage tells depends on how many decimals it is written with, which a float has forgotten.
table = pandas.read_csv(sys.argv[1], dtype={"percent": "str"})
read = time.perf_counter() - started
found = {}


def report(rule, mask):
    count = int(mask.sum())
    if count:
        cells = [int(row) + 2 for row in numpy.flatnonzero(mask.to_numpy())[:50]]
        found[rule] = {"count": found.get(rule, {"count": 0})["count"] + count, "cells": cells}


for name in table.select_dtypes(exclude="number").columns.drop("percent"):
    text = table[name].dropna().astype("str")
    report("table.formula", text.str.match(r"[=@\t]|[+-][^\s\d.]"))
    at = text[text.str.contains("@", regex=False)]
    report("identifiers.email", at.str.contains(EMAIL, regex=True))
    digits = text[text.str.contains(r"\d", regex=True)]
    for rule, pattern in {"nino": NINO, "phone": PHONE, "postcode": POSTCODE, "nhs": NHS}.items():
        report("identifiers." + rule, digits.str.contains(pattern, regex=True))
    report("sdc.suppressed", text.isin(["*", "c", "[c]", "<5", "<10", "-", "suppressed", "redacted"]))

for name in ["n", "firms"]:
    count = table[name]
    report("sdc.minimum-count", (count > 0) & (count < THRESHOLD))
    report("sdc.zero-cells", count == 0)
    off = (count % 5 != 0) & (count != 0)
    if off.sum() <= 0.2 * (count != 0).sum():
        report("sdc.rounding", off)

total, first, second = table["turnover"].abs(), table["largest"].abs(), table["second_largest"].abs()
report("sdc.dominance", first + second > K * total)
report("sdc.p-percent", total - first - second < P * first)
report("sdc.quantiles", table["n"] * 0.25 < TAIL)
report("sdc.degrees-of-freedom", table["df_resid"] < 10)
written = table["percent"]
point = written.str.find(".")
places = numpy.where(point < 0, 0, written.str.len() - point - 1)
report("sdc.percentage-decimals", pandas.Series(places > DECIMALS))
base, share, half = table["base"], written.astype("float64"), 0.5 * 10.0**-places
low = numpy.ceil((share - half) * base / 100 - 1e-9).clip(lower=0)
high = numpy.minimum(numpy.floor((share + half) * base / 100 + 1e-9), base)
has = (share > 0) & (high >= 1) & (high < THRESHOLD)
lacks = (share < 100) & (base - low >= 1) & (base - low < THRESHOLD)
report("sdc.percentages", (low <= high) & (has | lacks))
for name in table.select_dtypes(include="integer"):
    ten = table[name][(table[name] >= 10**9) & (table[name] < 10**10)]
    if len(ten):
        weights = sum((ten // 10 ** (9 - at) % 10) * (10 - at) for at in range(9))
        report("identifiers.nhs", (11 - weights % 11) % 11 == ten % 10)

print(
    json.dumps(
        {
            "seconds": time.perf_counter() - started,
            "read": read,
            "rows": len(table),
            "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "found": {rule: value["count"] for rule, value in found.items()},
        }
    )
)

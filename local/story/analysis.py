"""What Rana runs on her desktop: counts the admissions of a file by region and by year, as two tables.

  python analysis.py admissions.csv tables/
"""

import collections
import csv
import pathlib
import sys

source, target = map(pathlib.Path, sys.argv[1:])
with source.open(newline="") as file:
    admissions = list(csv.DictReader(file))
for column, name in (("region", "regions"), ("year", "years")):
    counts = collections.Counter(admission[column] for admission in admissions)
    with (target / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([(column, "n"), *counts.items()])
print(f"{len(admissions)} admissions")

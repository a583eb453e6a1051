"""Runs a notebook as a desktop does, with nbclient and a kernel, and saves it with what it printed.

  DATA=/data/open-charts/0011223344aa TABLES=tables python run_notebook.py hot-days.ipynb done.ipynb
"""

import sys

import nbclient
import nbformat

source, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
nbclient.NotebookClient(notebook, timeout=60, startup_timeout=60, kernel_name="python3").execute()
nbformat.write(notebook, target)

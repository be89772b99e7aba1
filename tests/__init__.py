"""Tests of stabcert."""

import os
import sys

# Before anything imports torch: the models of the tests are tiny, and a second thread costs more than it gains.
# The benchmark, which is no test, uses all threads.
if "pytest" in sys.modules:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

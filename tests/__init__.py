"""Tests of stabcert."""

import os

# Before anything imports torch: the models of the tests are tiny, and a second thread costs more than it gains.
os.environ.setdefault("OMP_NUM_THREADS", "1")

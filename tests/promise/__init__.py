"""The promise itself: how often certificates of functions with known rates are wrong, from the command line on.

The real options, seeds, draws, certificates, records and exit codes; only the network is replaced
(`tests.known_model`). What is checked are the numbers in the records. The default run makes a few hundred
certificates of each kind; the slow one makes 10,000 for each kind and each delta, in less than an hour on one core,
and prints how often they failed::

    STABCERT_PROMISE=1 python -m pytest tests/promise -s

(Another number than 1 is the number of certificates.)

Seeds are fixed, and a certificate that keeps its promise fails a test with a chance of 1e-9 at most.
"""

"""Models in memory: functions that make a predictor of a network, a pipeline, an estimator or a function."""

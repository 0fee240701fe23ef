"""Scores of anomalies, judged: rates and thresholds, what they find, and what simple ones find."""

"""The booking platform of the first of the five documents: structured logs, correlation, metrics, audit trail, feature flags."""

"""The travel agencies' CRM of the fourth of the five documents: metrics, Sentry, trace ids, health, alerts to Slack."""

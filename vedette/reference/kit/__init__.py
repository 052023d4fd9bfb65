"""What the embedded systems are made of: logs, metrics, accounts, audit trail, jobs and webhooks, each with its usual bugs."""

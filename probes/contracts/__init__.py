"""What the seeds' documents promise, as data: schemas of log lines, audit records and health bodies, and metric families."""

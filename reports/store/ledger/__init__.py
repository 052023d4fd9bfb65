"""This package is for what a service must remember beside outcomes: deployments, maintenance, heartbeats, tokens, an audit."""

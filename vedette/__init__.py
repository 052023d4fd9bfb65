"""The parts joined: command, jobs, reference target."""

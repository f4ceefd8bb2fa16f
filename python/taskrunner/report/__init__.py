"""Shows a run to the user. Knows the plan and the events, nothing of how things are done."""

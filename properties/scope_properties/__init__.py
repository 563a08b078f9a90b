"""What must always hold: laws, strategies and a state machine over the reference model."""

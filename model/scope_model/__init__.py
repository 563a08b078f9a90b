"""What a client does: the reference model, small, typed, pure and total."""

"""Vectors: for each clause the shortest transcript that breaks it, for each value of a reading one that it decides."""

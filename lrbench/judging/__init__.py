"""Is the difference real? A Question is asked of an experiment's stored figures, and has an Answer."""

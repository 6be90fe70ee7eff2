"""How gamma and beta move: recordings, measures, and the relay cut."""

"""``dnrlab manifest build``: makes manifests from official annotation files and a folder of videos."""

"""``dnrlab manifest build``: manifests from official annotation files and a folder of videos."""

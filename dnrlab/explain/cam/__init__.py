"""Where a network looks: Grad-CAM++, and what is measured of it."""

"""Where a network looks: Grad-CAM++ maps, and measures of them."""

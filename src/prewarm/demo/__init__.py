"""What ``prewarm demo`` serves: tiny models, made on the spot."""

"""As received: holding tables over the landing files."""

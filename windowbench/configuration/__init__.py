"""The groups of settings, one module each: defaults, help texts, and what a group checks by itself."""

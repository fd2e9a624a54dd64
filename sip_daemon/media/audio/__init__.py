"""Samples and files: G.711, WAV, call progress tones. Standard library only."""

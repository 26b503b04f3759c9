"""The reference engine: plain Python consumers that publish local watermarks, and what adds them up."""

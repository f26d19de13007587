"""Run folders, and runs that can be broken off and taken up again."""

"""The ports and the loop: what a network is, and how it runs."""

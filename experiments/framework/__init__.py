"""What an experiment is, and how one or a sweep of them is run into folders."""

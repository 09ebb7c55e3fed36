"""The page of trainings and builds: what their folders hold, as one HTML file."""

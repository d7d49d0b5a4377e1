"""The models: each is its parameters and its equations, and nothing else."""

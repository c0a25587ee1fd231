"""What every run has, whatever its task: the estimator, training in phases, the run folder, the commands."""

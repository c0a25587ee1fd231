"""What the program does: train, use, demo; the run folder and the estimators. Puts the floors below together."""

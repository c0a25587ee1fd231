"""What is done across tasks and models: the demo."""

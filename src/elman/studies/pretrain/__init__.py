"""How the forecaster's pre-trained network was made: from generated series alone.

    python -m elman.studies.pretrain pretrained.safetensors

trains it anew, in about half an hour on one core.
"""

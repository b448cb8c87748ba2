"""What both Omniverse backends share: the layer over the stage, the probe, the child process that renders."""

"""What the pack is called."""

NAME = "builtin"
VERSION = "3"

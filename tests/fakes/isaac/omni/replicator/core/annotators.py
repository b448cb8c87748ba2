"""rep.annotators."""

from omni.replicator.core.scripts.annotators import AnnotatorRegistry

get = AnnotatorRegistry.get_annotator

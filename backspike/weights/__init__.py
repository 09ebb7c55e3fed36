"""Weights in and out: float networks of other tools in a configuration's format, and a network's for other tools."""

from .chain import Chain, FloatLayer, Spiking
from .fit import PERCENTILE, Fit, LayerFit, fit_chain
from .read import read_chain

__all__ = ["PERCENTILE", "Chain", "Fit", "FloatLayer", "LayerFit", "Spiking", "fit_chain", "read_chain"]

"""Signals to a verdict: a logistic model per attack type."""

from __future__ import annotations

import math

from processing_py.detect.value import AttackType, Signal

THRESHOLD = 0.5


def score(attack: AttackType, signals: list[Signal]) -> float:
    """Return how sure the signals make ``attack``, 0…1. Each distinct signal counts once."""
    total = attack.bias + sum(attack.weights[name] for name in {signal.name for signal in signals})
    return 1.0 / (1.0 + math.exp(-total))


def payload(attack: AttackType, signals: list[Signal]) -> str:
    """Return the evidence of the weightiest signal, the longest among equals."""
    return max(signals, key=lambda signal: (attack.weights[signal.name], len(signal.evidence))).evidence

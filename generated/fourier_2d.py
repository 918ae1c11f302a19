# Written by conicflow.derive from fourier_2d.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 61eccbcb4ed8294e5a77f3f89445cb9e4269be5a58285a7fe421c25cd774f7f6
# SymPy 1.14.0
"""Filtered Fourier coefficients of a spike on the torus, two dimensions: phi = h*exp(-2*I*pi*(k1*theta1 + k2*theta2))"""

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = h*exp(-2*I*pi*(k1*theta1 + k2*theta2))", "family": "partially 1-homogeneous", "inputs": [{"description": "frequency along the first axis, an integer", "name": "k1"}, {"description": "frequency along the second axis, an integer", "name": "k2"}, {"description": "coefficient of the filter at frequency (k1, k2), complex", "name": "h"}], "kind": "torus", "name": "fourier_2d", "parameters": [{"domain": "torus", "name": "theta1"}, {"domain": "torus", "name": "theta2"}], "penalty_weight": "1", "properties": {"smooth": true, "translation": []}, "reference": "Chizat (2022), section 5", "spec_sha256": "61eccbcb4ed8294e5a77f3f89445cb9e4269be5a58285a7fe421c25cd774f7f6", "title": "Filtered Fourier coefficients of a spike on the torus, two dimensions"}'

# Written by conicflow.derive from fourier_3d.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 c7f9a2d062b77054a5478c10bc11b5a278d93df6ca9553de0c4b32a09a1d6bca
# SymPy 1.14.0
"""Filtered Fourier coefficients of a spike on the torus, three dimensions: phi = h*exp(-2*I*pi*(k1*theta1 + k2*theta2 + k3*theta3))"""

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = h*exp(-2*I*pi*(k1*theta1 + k2*theta2 + k3*theta3))", "family": "partially 1-homogeneous", "inputs": [{"description": "frequency along the first axis, an integer", "name": "k1"}, {"description": "frequency along the second axis, an integer", "name": "k2"}, {"description": "frequency along the third axis, an integer", "name": "k3"}, {"description": "coefficient of the filter at frequency (k1, k2, k3), complex", "name": "h"}], "kind": "torus", "name": "fourier_3d", "parameters": [{"domain": "torus", "name": "theta1"}, {"domain": "torus", "name": "theta2"}, {"domain": "torus", "name": "theta3"}], "penalty_weight": "1", "properties": {"smooth": true, "translation": []}, "reference": "Chizat (2022), section 5", "spec_sha256": "c7f9a2d062b77054a5478c10bc11b5a278d93df6ca9553de0c4b32a09a1d6bca", "title": "Filtered Fourier coefficients of a spike on the torus, three dimensions"}'

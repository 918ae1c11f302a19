# Written by conicflow.derive from fourier.toml: do not edit. To write it again: conicflow derive
# spec SHA-256 4976871003152de8c125dcd6371c8d083d80d3af4efe3c9a019f0fb25b23c708
# SymPy 1.14.0
"""Filtered Fourier coefficients of a spike on the torus: phi = h*exp(-2*I*pi*k*theta)"""

# pythran export DESCRIPTION
DESCRIPTION = '{"constants": [], "equation": "phi = h*exp(-2*I*pi*k*theta)", "family": "partially 1-homogeneous", "inputs": [{"description": "frequency, an integer", "name": "k"}, {"description": "coefficient of the filter at frequency k, complex", "name": "h"}], "kind": "torus", "name": "fourier", "parameters": [{"domain": "torus", "name": "theta"}], "penalty_weight": "1", "properties": {"smooth": true, "translation": []}, "reference": "Chizat and Bach (2018), section 4.1; Chizat (2022), section 5", "spec_sha256": "4976871003152de8c125dcd6371c8d083d80d3af4efe3c9a019f0fb25b23c708", "title": "Filtered Fourier coefficients of a spike on the torus"}'

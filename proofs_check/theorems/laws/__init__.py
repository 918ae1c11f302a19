"""The theorems, each as a margin that a counterexample exceeds."""

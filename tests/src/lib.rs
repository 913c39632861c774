//! Suites over every model, mutant and trace: see `tests/`.

"""The long proofs: simulation, engine bugs that must be caught, killed processes, failing databases; tables in docs/proof.md."""

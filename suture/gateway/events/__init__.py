"""Events as contracts: what is promised of each type, who may hear it, and how it reaches those who asked."""

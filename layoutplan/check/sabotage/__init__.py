"""Good plans and images, and every way in which each is broken: what the checker has to notice."""

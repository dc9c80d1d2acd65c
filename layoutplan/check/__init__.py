"""Floor 4: proves a plan or a linked image from register words, sharing nothing with the planner."""

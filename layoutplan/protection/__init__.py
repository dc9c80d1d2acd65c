"""Floor 3: the protection units, each as data plus legal covers and their encoding."""

"""Floor 4: makes one sealed relocatable object per component with the standard tools."""

"""Floor 6: arguments, exit status, printing. Nothing else prints or exits."""

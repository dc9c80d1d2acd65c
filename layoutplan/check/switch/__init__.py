"""The stores that the kernel performs: the table in the image, the program made of it, and its execution."""

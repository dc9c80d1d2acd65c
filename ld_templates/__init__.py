"""The templates that hold the shape of generated linker scripts and Rust tables."""

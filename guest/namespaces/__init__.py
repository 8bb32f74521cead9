"""The inside of the namespaces boundary: a process that forks sandboxes, and what a fork does to shut itself in."""

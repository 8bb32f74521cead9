"""The inside of a small virtual machine: its first process, which starts the zygote and carries what a sandbox says to the host."""

"""The agent inside a sandbox: reads orders, starts programs and kernels, and says how they ended. Knows no boundary and no language."""
